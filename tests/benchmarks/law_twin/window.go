package main

import "math"

// window is a sliding window of one-second buckets with a running total.
type window struct {
	buckets []float64
	total   float64
	first   int64
	last    int64
	written bool
}

func newWindow(seconds int) window {
	return window{buckets: make([]float64, seconds)}
}

func (w *window) record(second int64, value float64) {
	length := int64(len(w.buckets))
	if !w.written {
		w.written = true
		w.first, w.last = second, second
	} else if second != w.last {
		if second+length <= w.last {
			return
		}
		if w.first > second {
			w.first = second
		}
		if second > w.last {
			if second-w.last >= length {
				w.first = second
				w.total = 0
				clear(w.buckets)
			} else {
				for lapsed := w.last + 1; lapsed <= second; lapsed++ {
					i := lapsed % length
					w.total -= w.buckets[i]
					w.buckets[i] = 0
				}
			}
			w.last = second
		}
	}
	w.buckets[second%length] += value
	w.total += value
}

func (w *window) average(second int64) float64 {
	length := int64(len(w.buckets))
	late := second - w.last
	switch {
	case !w.written || late >= length:
		return 0
	case late <= 0:
		return rounded(w.total / float64(min(w.last-w.first+1, length)))
	}
	total := w.total
	for lapsed := w.last + 1; lapsed <= second; lapsed++ {
		total -= w.buckets[lapsed%length]
	}
	return rounded(total / float64(min(w.last-w.first+1, length-late)))
}

func rounded(value float64) float64 {
	return math.Round(value*1e6) / 1e6
}

// maximum is a sliding maximum over two-second buckets: a ring of falling values.
type maximum struct {
	entries []entry
	head    int
	length  int
}

type entry struct {
	index int64
	value int32
}

func newMaximum(buckets int) maximum {
	return maximum{entries: make([]entry, buckets)}
}

func (m *maximum) at(i int) *entry {
	i += m.head
	if i >= len(m.entries) {
		i -= len(m.entries)
	}
	return &m.entries[i]
}

func (m *maximum) record(index int64, value int32) int32 {
	for m.length > 0 && m.at(0).index <= index-int64(len(m.entries)) {
		m.length--
		m.head++
		if m.head == len(m.entries) {
			m.head = 0
		}
	}
	for m.length > 0 && m.at(m.length-1).value < value {
		m.length--
	}
	if m.length == 0 || m.at(m.length-1).index != index {
		*m.at(m.length) = entry{index, value}
		m.length++
	}
	return m.at(0).value
}
