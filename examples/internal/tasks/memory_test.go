package tasks_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/examples/internal/tasks"
	"github.com/snorky-go/snorky/examples/internal/tasks/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMemory(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, limits tasks.Limits) tasks.Store { return tasks.NewMemory(limits) })
}
