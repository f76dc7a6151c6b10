package wire

// Members calls f for each member of an object that has been checked, in the order written and with repeated ones, until
// f returns false. The key is unescaped, surrogates without a partner in their generalized UTF-8 form (WTF-8); it is a
// view into object unless it was written with escapes. The value is a raw view without blanks around it. The error is
// ErrNotObject if object is none, or ErrNotJSON if it ends early or is otherwise broken.
func Members(object []byte, f func(key string, value []byte) (more bool)) error {
	w, ok := walk(object)
	if !ok {
		return ErrNotObject
	}
	for w.next() {
		if !f(unescape(w.key), w.value) {
			return nil
		}
	}
	if w.failed {
		return ErrNotJSON
	}
	return nil
}

// walker goes through the members of an object that has been checked.
type walker struct {
	data   []byte
	i      int // behind the brace or the last value
	key    []byte
	value  []byte
	failed bool // the object is broken; next has returned false
}

// walk starts at an object; ok tells that it is one.
func walk(object []byte) (w walker, ok bool) {
	i := skipBlanks(object, 0)
	if i == len(object) || object[i] != '{' {
		return walker{}, false
	}
	return walker{data: object, i: i + 1}, true
}

// next goes to the next member, whose key (still escaped, without quotes) and value it leaves in w.
func (w *walker) next() bool {
	data := w.data
	i := skipBlanks(data, w.i)
	if i < len(data) && data[i] == '}' {
		w.failed = skipBlanks(data, i+1) != len(data)
		return false
	}
	if w.value != nil {
		if i == len(data) || data[i] != ',' {
			w.failed = true
			return false
		}
		i = skipBlanks(data, i+1)
	}
	end, ok := skipString(data, i)
	if !ok {
		w.failed = true
		return false
	}
	w.key = data[i+1 : end-1]
	if i = skipBlanks(data, end); i == len(data) || data[i] != ':' {
		w.failed = true
		return false
	}
	i = skipBlanks(data, i+1)
	if end, ok = skipValue(data, i); !ok {
		w.failed = true
		return false
	}
	w.value = data[i:end:end]
	w.i = end
	return true
}

// Elements returns the raw elements of an array that has been checked, as views without blanks around them; ok tells that
// it is an array.
func Elements(array []byte) (elements [][]byte, ok bool) {
	ok = EachElement(array, func(element []byte) bool {
		elements = append(elements, element)
		return true
	})
	if !ok {
		return nil, false
	}
	return elements, true
}

// EachElement calls f for each element of an array that has been checked, in the order written, until f returns false. The
// elements are raw views without blanks around them. It returns false if array is none, or is found to be broken.
func EachElement(array []byte, f func(element []byte) (more bool)) (ok bool) {
	i := skipBlanks(array, 0)
	if i == len(array) || array[i] != '[' {
		return false
	}
	i = skipBlanks(array, i+1)
	if i < len(array) && array[i] == ']' {
		return skipBlanks(array, i+1) == len(array)
	}
	for {
		end, ok := skipValue(array, i)
		if !ok {
			return false
		}
		if !f(array[i:end:end]) {
			return true
		}
		if i = skipBlanks(array, end); i == len(array) {
			return false
		}
		switch array[i] {
		case ']':
			return skipBlanks(array, i+1) == len(array)
		case ',':
			i = skipBlanks(array, i+1)
		default:
			return false
		}
	}
}
