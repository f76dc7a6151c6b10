package repocheck

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The secrets that compose.yaml has people put beside it stay out of the build: its user may not be able to read them, and
// they would be kept in its cache.
func TestSecretsAreNotPartOfTheContainersBuild(t *testing.T) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(root, "deploy/container", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	ignored := strings.Split(read("Containerfile.dockerignore"), "\n")
	_, secrets, _ := strings.Cut(read("compose.yaml"), "\nsecrets:\n")
	files := regexp.MustCompile(`(?m)^ +file: \./(\S+)$`).FindAllStringSubmatch(secrets, -1)
	if len(files) == 0 {
		t.Fatal("compose.yaml has no secrets")
	}
	for _, file := range files {
		if name := "deploy/container/" + file[1]; !slices.Contains(ignored, name) {
			t.Errorf("Containerfile.dockerignore lacks %s", name)
		}
	}
}
