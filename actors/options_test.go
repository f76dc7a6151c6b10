package actors

import (
	"reflect"
	"runtime"
	"testing"
)

func TestDefaults(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, test := range []struct{ processors, loops int }{{1, 1}, {2, 1}, {4, 3}} {
		runtime.GOMAXPROCS(test.processors)
		if o := (Options{}).withDefaults(); o.Loops != test.loops {
			t.Errorf("%d loops on %d processors", o.Loops, test.processors)
		}
	}
	all := Options{}.withDefaults()
	if !reflect.DeepEqual(all, all.withDefaults()) {
		t.Error("defaults of defaults differ")
	}
	if all.MaxQueuedBytes != 1<<20 || all.MaxSubscriptions != 1000 || all.MaxChannelBytes != 255 || all.MaxPendingBytes != 256<<10 ||
		all.MaxBacklogBytes != 4<<20 || all.SendBuffer != 128<<10 {
		t.Errorf("%+v", all)
	}
	own := Options{Loops: 7, PingInterval: -1, MaxSubscriptions: -1, MaxChannelBytes: -1, CallTimeout: -1, PongTimeout: -1}.withDefaults()
	if own.Loops != 7 || own.PingInterval != -1 || own.MaxSubscriptions != -1 || own.CallTimeout != -1 {
		t.Errorf("%+v", own)
	}
	if own.tick() <= 0 || own.round() <= 0 {
		t.Errorf("ticks every %v, rounds every %v", own.tick(), own.round())
	}
}
