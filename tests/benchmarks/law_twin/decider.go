package main

import "math"

// policy is what one workload is scaled by.
type policy struct {
	target, total                 float64
	burstCapacity, panicThreshold float64
	upRate, downRate              float64
	stableMs                      int64
	activation                    int32
	minScale, maxScale            int32
	reachable                     bool
}

// workload is all that is remembered of one.
type workload struct {
	policy
	stable, panic window
	delay         *maximum
	panicking     bool
	panicSince    int64
	floor         int32
}

// decision is what one tick says of one workload.
type decision struct {
	stable, panic    float64
	wanted, replicas int32
	excess           int32
	panicking        bool
}

func (w *workload) decide(second, nowMs int64, ready int32) decision {
	d := decision{stable: w.stable.average(second), panic: w.panic.average(second)}
	r := math.Max(1, float64(ready))
	up := math.Ceil(w.upRate * r)
	down := 0.0
	if w.reachable {
		down = math.Floor(r / w.downRate)
	}
	rawStable, rawPanic := math.Ceil(d.stable/w.target), math.Ceil(d.panic/w.target)
	wantStable := int32(math.Min(math.Max(rawStable, down), up))
	wantPanic := int32(math.Min(math.Max(rawPanic, down), up))
	if w.activation > 1 {
		if rawStable > 0 && w.activation > wantStable {
			wantStable = w.activation
		}
		if rawPanic > 0 && w.activation > wantPanic {
			wantPanic = w.activation
		}
	}

	over := rawPanic/r >= w.panicThreshold
	switch {
	case over:
		w.panicking, w.panicSince = true, nowMs
	case w.panicking && w.panicSince+w.stableMs < nowMs:
		w.panicking, w.floor = false, 0
	}
	wanted := wantStable
	if w.panicking {
		wanted = max(wantStable, wantPanic, w.floor)
		w.floor = wanted
	}
	if w.reachable && w.delay != nil {
		wanted = w.delay.record(nowMs/2000, wanted)
	}
	d.panicking, d.wanted = w.panicking, wanted

	switch {
	case w.burstCapacity == 0:
		d.excess = 0
	case w.burstCapacity > 0:
		// The conversion keeps compilers of other processors from fusing the operations.
		d.excess = int32(math.Floor(float64(float64(ready)*w.total) - w.burstCapacity - d.panic))
	default:
		d.excess = -1
	}

	d.replicas = wanted
	if wanted < w.minScale {
		d.replicas = w.minScale
	} else if w.maxScale != 0 && wanted > w.maxScale {
		d.replicas = w.maxScale
	}
	return d
}
