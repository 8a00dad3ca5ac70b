// Command lawtwin runs the whole law over made-up workloads, one after the other, and tells what it decided and what
// that cost in CPU time. tests/benchmarks/law.py has the same workloads; see there for what they are.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"syscall"
	"unsafe"
)

const seed = 20260101

// mixed is splitmix64: a number that is as good as random, of a number.
func mixed(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb
	return x ^ (x >> 31)
}

func drawn(row, salt uint64) uint64 {
	return mixed(mixed(row+seed) + salt)
}

func share(x uint64) float64 {
	return float64(x>>11) / (1 << 53)
}

type settings struct {
	workloads, warmUp, ticks      int
	stable, panic, delay          int
	utilisation, upRate, downRate float64
}

func (s settings) workload(row uint64) workload {
	w := workload{
		policy: policy{
			target: 100 * s.utilisation, total: 100, burstCapacity: 211, panicThreshold: 2,
			upRate: s.upRate, downRate: s.downRate, stableMs: int64(s.stable) * 1000, reachable: true,
		},
		stable: newWindow(s.stable),
		panic:  newWindow(s.panic),
	}
	switch drawn(row, 1) % 10 {
	case 0:
		w.burstCapacity = 0
	case 1:
		w.burstCapacity = -1
	}
	if drawn(row, 2)%10 == 0 {
		w.activation = 3
	}
	w.reachable = drawn(row, 4)%20 != 0
	if drawn(row, 3)%10 < 3 {
		w.maxScale = 20
		if w.reachable {
			w.minScale = 1
		}
	}
	if s.delay > 0 {
		delay := newMaximum((s.delay + 1) / 2)
		w.delay = &delay
	}
	return w
}

// load is a workload's load in a second: steady noise, five times as much in the surges of those that have any.
func load(row uint64, second int64) float64 {
	base := math.Floor(share(drawn(row, 5)) * 400)
	if drawn(row, 6)%2 == 0 && (uint64(second)+drawn(row, 7))%300 < 20 {
		base *= 5
	}
	return base * (0.75 + 0.5*share(drawn(row, 1000+uint64(second))))
}

func readyPods(row uint64, second int64) int32 {
	base := math.Floor(share(drawn(row, 5)) * 400)
	return int32(math.Ceil(base/70)) + int32(drawn(row, 1000+uint64(second))%3)
}

func cpuNs() int64 {
	const processCPU = 2 // CLOCK_PROCESS_CPUTIME_ID
	var now syscall.Timespec
	if _, _, err := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, processCPU, uintptr(unsafe.Pointer(&now)), 0); err != 0 {
		panic(err)
	}
	return now.Nano()
}

func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

func (d decision) checksum(row uint64) uint64 {
	sum := mixed(row + math.Float64bits(d.stable))
	sum = mixed(sum + math.Float64bits(d.panic))
	sum = mixed(sum + uint64(int64(d.wanted)))
	sum = mixed(sum + uint64(int64(d.replicas)))
	return mixed(sum + uint64(int64(d.excess))*2 + bit(d.panicking))
}

func main() {
	var s settings
	flag.IntVar(&s.workloads, "workloads", 10000, "")
	flag.IntVar(&s.warmUp, "warm-up", 100, "ticks before the measured ones")
	flag.IntVar(&s.ticks, "ticks", 100, "measured ticks")
	flag.IntVar(&s.stable, "stable", 60, "seconds")
	flag.IntVar(&s.panic, "panic", 6, "seconds")
	flag.IntVar(&s.delay, "delay", 60, "seconds")
	flag.Float64Var(&s.utilisation, "utilisation", 0.7, "")
	flag.Float64Var(&s.upRate, "up-rate", 1000, "")
	flag.Float64Var(&s.downRate, "down-rate", 2, "")
	flag.Parse()

	workloads := make([]workload, s.workloads)
	for row := range workloads {
		workloads[row] = s.workload(uint64(row))
	}
	loads := [2][]float64{make([]float64, s.workloads), make([]float64, s.workloads)}
	ready := make([]int32, s.workloads)
	decisions := make([]decision, s.workloads)
	checksums := make([]string, 0, s.warmUp+s.ticks)
	var spent int64
	for tick := 0; tick < s.warmUp+s.ticks; tick++ {
		second := int64(1_000_000 + 2*tick)
		for row := range workloads {
			loads[0][row], loads[1][row] = load(uint64(row), second), load(uint64(row), second+1)
			ready[row] = readyPods(uint64(row), second)
		}
		began := cpuNs()
		for row := range workloads {
			w := &workloads[row]
			w.stable.record(second, loads[0][row])
			w.panic.record(second, loads[0][row])
			w.stable.record(second+1, loads[1][row])
			w.panic.record(second+1, loads[1][row])
			decisions[row] = w.decide(second+1, (second+2)*1000, ready[row])
		}
		if tick >= s.warmUp {
			spent += cpuNs() - began
		}
		var checksum uint64
		for row := range decisions {
			checksum += decisions[row].checksum(uint64(row))
		}
		checksums = append(checksums, fmt.Sprintf("%016x", checksum))
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"cpu_ns": spent, "checksums": checksums}); err != nil {
		panic(err)
	}
}
