package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files")

const exampleFile = "../../../deploy/snorkyd.toml"

func TestHelpNamesEverySetting(t *testing.T) {
	t.Parallel()
	var help bytes.Buffer
	snorkyd().Usage(&help)
	golden(t, filepath.Join("testdata", "help.txt"), help.Bytes())
	for _, row := range settings {
		if !strings.Contains(help.String(), "\n  -"+row.name) || !strings.Contains(help.String(), row.variable()+".") {
			t.Errorf("the help lacks %s or %s", row.name, row.variable())
		}
	}
	for line := range strings.Lines(help.String()) {
		if len(line) > helpWidth+1 {
			t.Errorf("%d bytes wide: %s", len(line), line)
		}
	}
}

// Every field of Config is in the table once, so that nothing can be set in Go alone.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	fields := make(map[uintptr]string)
	var cfg Config
	v := reflect.ValueOf(&cfg).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct {
			continue // services have tables of their own
		}
		fields[v.Field(i).Addr().Pointer()] = field.Name
	}
	for _, row := range settings {
		at := reflect.ValueOf(row.field(&cfg)).Field(0).Pointer()
		if fields[at] == "" {
			t.Errorf("%s: its field is none of Config's, or belongs to another setting, too", row.name)
		}
		delete(fields, at)
	}
	for _, name := range fields {
		t.Errorf("Config.%s is no setting", name)
	}
}

func TestExampleFileHasEverySettingAtItsDefault(t *testing.T) {
	t.Parallel()
	var example bytes.Buffer
	Example(&example)
	golden(t, exampleFile, example.Bytes())

	// With the comments taken away it has to say what is so without it.
	live := regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAllString(example.String(), "$1")
	for _, row := range settings {
		if !strings.Contains(live, "\n"+row.name+" = ") {
			t.Errorf("the example lacks %s", row.name)
		}
	}
	got, err := snorkyd().Load([]string{"-config", write(t, "live.toml", live)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Config.AllowOrigins) == 0 {
		got.Config.AllowOrigins = nil
	}
	if c := &got.Config; len(c.Messaging) != 1 || len(c.Chat) != 1 || len(c.Cursors) != 1 || len(c.DataSync) != 1 || len(c.DataSync[0].Dealers) != len(dealerKinds) {
		t.Errorf("not one of each kind of service: %+v", c)
	}
	if unsaid := newDataSync(); unsaid.TokenTimeout != got.Config.DataSync[0].TokenTimeout || unsaid.MaxBuffered != got.Config.DataSync[0].MaxBuffered ||
		unsaid.MaxBufferedTotal != got.Config.DataSync[0].MaxBufferedTotal {
		t.Errorf("not the defaults: %+v", got.Config.DataSync[0])
	}
	got.Config.Messaging, got.Config.Chat, got.Config.Cursors, got.Config.DataSync = nil, nil, nil, nil // examples, not defaults
	if !reflect.DeepEqual(got.Config, Default()) {
		t.Errorf("\n got %+v\nwant %+v", got.Config, Default())
	}
	// As it lies there, it changes nothing either.
	if got, err = snorkyd().Load([]string{"-config", exampleFile}, nil); err != nil || !reflect.DeepEqual(got.Config, Default()) {
		t.Errorf("%+v, %v", got.Config, err)
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; go test ./cmd/snorkyd/config -update writes it", file)
	}
}

// What the example says of channels, which would not be the default, can be used as it stands there.
func TestExampleOfRules(t *testing.T) {
	t.Parallel()
	var example bytes.Buffer
	Example(&example)
	text := "[[pubsub]]\nname = \"a\"\n"
	for line := range strings.Lines(example.String()) {
		if line, indented := strings.CutPrefix(line, "#   "); indented && strings.ContainsAny(line, "[\"") {
			text += line
		}
	}
	got, err := snorkyd().Load([]string{"-config", write(t, "rules.toml", text)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Channel{
		{Pattern: "user:{identity}", Subscribe: Own, Publish: Nobody},
		{Pattern: "room:*", Subscribe: "claim:rooms={channel}", Publish: "claim:rooms={channel}"},
	}
	if !reflect.DeepEqual(got.Config.PubSub[0].Channels, want) {
		t.Errorf("%+v", got.Config.PubSub)
	}
}
