package actors

import "reflect"

// IdleWorkIsUntouched reports whether nobody has written to what all idle connections share.
func IdleWorkIsUntouched() bool { return reflect.DeepEqual(noWork, work{}) }
