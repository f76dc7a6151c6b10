package config

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

const (
	oldKey = "correct-horse-battery"
	newKey = "staple~!0123456789"
)

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		oldKey:                                {oldKey},
		oldKey + "\n":                         {oldKey},
		oldKey + "\r\n":                       {oldKey},
		oldKey + "\r":                         {oldKey},
		oldKey + "\n\n\n":                     {oldKey},
		oldKey + "\n" + newKey:                {oldKey, newKey},
		oldKey + "\r\n\r\n" + newKey + "\r\n": {oldKey, newKey},
		strings.Repeat("k", 16):               {strings.Repeat("k", 16)},
		strings.Repeat("k", maxKeyFileBytes):  {strings.Repeat("k", maxKeyFileBytes)},
	}
	for text, want := range tests {
		keys, err := ReadKeyFile(write(t, "key", text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := make([]string, len(keys))
		for i, key := range keys {
			got[i] = string(key)
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// Who writes the secret where the name of its file belongs does not find it in the log.
func TestSecretsInPlaceOfFilesAreNotShown(t *testing.T) {
	t.Parallel()
	c := Config{TokenSecretFile: oldKey}
	_, ofKey := ReadKeyFile(oldKey)
	_, ofSecret := c.ReadTokenKeys()
	for _, err := range []error{ofKey, ofSecret} {
		if !IsError(err) || strings.Contains(err.Error(), oldKey) || !strings.Contains(err.Error(), "no such file") {
			t.Errorf("got %v", err)
		}
	}
	for _, name := range []string{"snorky.secret.of.tokens", "directory/of-the-secret", "short"} {
		if _, err := ReadKeyFile(name); !IsError(err) || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want it to name %s", err, name)
		}
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"empty", "", "has no key in it"},
		{"blank lines", "\n\r\n\n", "has no key in it"},
		{"blanks", "   \t  \n", "has no key in it"},
		{"short", "s3cr3", "a key is shorter than 16 bytes"},
		{"second one short", oldKey + "\nabc", "a key is shorter than 16 bytes"},
		{"three", oldKey + "\n" + newKey + "\n" + oldKey + "2", "has more than 2 keys in it"},
		{"blank inside", "correct horse battery", "a key may have visible ASCII characters only, no blanks"},
		{"CR inside", "correct-horse\rbattery", "a key may have visible ASCII characters only, no blanks"},
		{"byte order mark", "\ufeff" + oldKey, "a key may have visible ASCII characters only, no blanks"},
		{"5 MB", strings.Repeat("k", 5<<20), "is longer than 4096 bytes"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			refusedKeyFile(t, write(t, "key", test.text), test.want)
		})
	}
}

func TestPlacesThatAreNoKeyFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop, fifo := filepath.Join(dir, "loop"), filepath.Join(dir, "fifo")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	refusedKeyFile(t, dir, "is a directory")
	refusedKeyFile(t, filepath.Join(dir, "missing"), "no such file or directory")
	refusedKeyFile(t, loop, "too many levels of symbolic links")
	refusedKeyFile(t, fifo, "is not a regular file")
	refusedKeyFile(t, "/dev/zero", "is not a regular file")
}

func TestKeyFileModes(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]string{
		0o400: "", 0o600: "", 0o640: "", 0o660: "",
		0o644: "others may access it (mode 0644); chmod 600 it",
		0o602: "others may access it (mode 0602); chmod 600 it",
		0o777: "others may access it (mode 0777); chmod 600 it",
	} {
		file := write(t, "key", oldKey)
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		if want != "" {
			refusedKeyFile(t, file, want)
		} else if _, err := ReadKeyFile(file); err != nil {
			t.Errorf("%04o: %v", mode, err)
		}
	}
}

func TestKeyFileBehindSymlinks(t *testing.T) {
	t.Parallel()
	file := write(t, "key", oldKey)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file, link); err != nil {
		t.Fatal(err)
	}
	if keys, err := ReadKeyFile(link); err != nil || len(keys) != 1 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
}

func refusedKeyFile(t *testing.T, file, want string) {
	t.Helper()
	keys, err := ReadKeyFile(file)
	if err == nil || len(keys) != 0 || !IsError(err) {
		t.Fatalf("%d keys, %v; want %s", len(keys), err, want)
	}
	if got := err.Error(); got != `key file "`+file+`": `+want {
		t.Errorf("got %s, want ...%s", got, want)
	}
}
