// What does the ordinary Go handler of an extender's filter cost? net/http and encoding/json, and a ledger in a map.
//
// It decides as Plimsoll's best fit does, reserves what it promised, and tells the same reasons.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	whole       = 1000
	mostCPU     = 128_000
	mostGPU     = 8 * whole
	reservation = time.Hour // none ends while answers are compared
	fraction    = "gpu-fraction"
)

type container struct {
	Resources struct {
		Requests map[string]string `json:"requests"`
	} `json:"resources"`
}

type pod struct {
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		UID         string            `json:"uid"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Spec struct {
		Containers []container `json:"containers"`
	} `json:"spec"`
}

type arguments struct {
	Pod       *pod
	NodeNames *[]string
}

type result struct {
	Nodes                      *struct{}
	NodeNames                  *[]string
	FailedNodes                map[string]string
	FailedAndUnresolvableNodes map[string]string
	Error                      string
}

type node struct {
	free []int
	cpu  int
}

type held struct {
	node    *node
	device  int
	milli   int
	cpu     int
	expires time.Time
}

type extender struct {
	lock     sync.Mutex
	nodes    map[string]*node
	reserved map[string]held
}

type state struct {
	Nodes []struct {
		Name string `json:"name"`
		CPU  int    `json:"cpu"`
		Free []int  `json:"free"`
	} `json:"nodes"`
}

func main() {
	path := flag.String("state", "", "the file with the room of every node")
	flag.Parse()
	text, err := os.ReadFile(*path)
	if err != nil {
		log.Fatal(err)
	}
	var known state
	if err := json.Unmarshal(text, &known); err != nil {
		log.Fatal(err)
	}
	served := &extender{nodes: map[string]*node{}, reserved: map[string]held{}}
	for _, one := range known.Nodes {
		served.nodes[one.Name] = &node{free: one.Free, cpu: one.CPU}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	http.HandleFunc("POST /filter", served.filter)
	log.Fatal(http.Serve(listener, nil))
}

func (e *extender) filter(w http.ResponseWriter, r *http.Request) {
	var asked arguments
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if asked.Pod == nil || asked.NodeNames == nil {
		http.Error(w, "a pod and names of nodes are needed", http.StatusBadRequest)
		return
	}
	milli, err := share(asked.Pod.Metadata.Annotations[fraction])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	cpu, err := cpuOf(asked.Pod)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := e.choose(asked.Pod.Metadata.UID, milli, cpu, *asked.NodeNames)
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		log.Print(err)
	}
}

func (e *extender) choose(uid string, milli, cpu int, names []string) result {
	e.lock.Lock()
	defer e.lock.Unlock()
	e.expire(uid)
	best, bestScore := "", -1<<62
	for _, name := range names {
		one, ours := e.nodes[name]
		if !ours {
			continue
		}
		fits, free := false, 0
		for _, room := range one.free {
			fits = fits || room >= milli
			free += room
		}
		if !fits {
			continue
		}
		if found := score(one.cpu-cpu, free-milli); found > bestScore || found == bestScore && name < best {
			best, bestScore = name, found
		}
	}
	if best != "" {
		e.reserve(uid, e.nodes[best], milli, cpu)
		return result{NodeNames: &[]string{best}, FailedNodes: map[string]string{}, FailedAndUnresolvableNodes: map[string]string{}}
	}
	refused := make(map[string]string, len(names))
	reason := fmt.Sprintf("no device with %d milli-GPU free", milli)
	for _, name := range names {
		if _, ours := e.nodes[name]; ours {
			refused[name] = reason
		} else {
			refused[name] = "its GPUs are not Plimsoll's to give (no label plimsoll.dev/devices: owned)"
		}
	}
	return result{NodeNames: &[]string{}, FailedNodes: map[string]string{}, FailedAndUnresolvableNodes: refused}
}

func (e *extender) expire(uid string) {
	now := time.Now()
	for other, one := range e.reserved {
		if other == uid || now.After(one.expires) {
			one.node.free[one.device] += one.milli
			one.node.cpu += one.cpu
			delete(e.reserved, other)
		}
	}
}

func (e *extender) reserve(uid string, on *node, milli, cpu int) {
	device, least := -1, whole+1
	for index, room := range on.free {
		if room >= milli && room < least {
			device, least = index, room
		}
	}
	on.free[device] -= milli
	on.cpu -= cpu
	e.reserved[uid] = held{on, device, milli, cpu, time.Now().Add(reservation)}
}

func score(cpu, gpus int) int {
	cpu = min(max(cpu, 0), mostCPU)
	left := 50*cpu*mostGPU + 50*gpus*mostCPU
	return 100 - (left+mostCPU*mostGPU-1)/(mostCPU*mostGPU)
}

func share(text string) (int, error) {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || value <= 0 || value >= 1 {
		return 0, fmt.Errorf("%s: %q must be a decimal between 0 and 1", fraction, text)
	}
	return int(value*whole + 0.5), nil
}

func cpuOf(asked *pod) (int, error) {
	total := 0
	for _, one := range asked.Spec.Containers {
		text := one.Resources.Requests["cpu"]
		milli, found := strings.CutSuffix(text, "m")
		value, err := strconv.Atoi(milli)
		if err != nil {
			return 0, fmt.Errorf("cpu: %q is no quantity", text)
		}
		if !found {
			value *= 1000
		}
		total += value
	}
	return total, nil
}
