// Command components starts one program of the local control plane: the one that its first argument names.
//
// The programs are the unmodified upstream commands; one binary holds them all, because they share most of
// their code and a machine then compiles and links it once.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
	_ "time/tzdata" // CronJob time zones, as in the upstream commands

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.etcd.io/etcd/server/v3/etcdmain"
	"k8s.io/client-go/util/keyutil"
	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"          // --logging-format=json
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	_ "k8s.io/component-base/metrics/prometheus/version"  // version metric on /metrics
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllermanager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kwokconfig "sigs.k8s.io/kwok/pkg/config"
	kwok "sigs.k8s.io/kwok/pkg/kwok/cmd"
	kwoklog "sigs.k8s.io/kwok/pkg/log"
	"sigs.k8s.io/kwok/pkg/utils/signals"
)

var components = map[string]func(){
	"etcd":                    func() { etcdmain.Main(os.Args) },
	"kube-apiserver":          func() { runKubernetes(apiserver.NewAPIServerCommand()) },
	"kube-controller-manager": func() { runKubernetes(controllermanager.NewControllerManagerCommand()) },
	"kube-scheduler":          func() { runKubernetes(scheduler.NewSchedulerCommand()) },
	"kwok":                    runKwok,
	"service-account-key":     printServiceAccountKey,
}

func main() {
	if len(os.Args) < 2 || components[os.Args[1]] == nil {
		names := make([]string, 0, len(components))
		for name := range components {
			names = append(names, name)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "usage: components NAME [FLAG ...], NAME one of: %s\n", strings.Join(names, ", "))
		os.Exit(2)
	}
	name := os.Args[1]
	os.Args = append([]string{name}, os.Args[2:]...)
	components[name]()
}

func runKubernetes(command *cobra.Command) { os.Exit(cli.Run(command)) }

// runKwok repeats the few lines of kwok's own main package, which cannot be imported.
func runKwok() {
	// Kubernetes' packages put flags of their own here (--version among them), which cobra would add to kwok's.
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ExitOnError)
	flags := pflag.NewFlagSet("global", pflag.ContinueOnError)
	flags.ParseErrorsAllowlist.UnknownFlags = true
	flags.Usage = func() {}
	ctx, _ := kwoklog.InitFlags(signals.SetupSignalContext(), flags)
	ctx, err := kwokconfig.InitFlags(ctx, flags)
	exitOn(err)
	command := kwok.NewCommand(ctx)
	command.PersistentFlags().AddFlagSet(flags)
	exitOn(command.ExecuteContext(ctx))
}

// printServiceAccountKey writes a fresh private key for the API server's service account tokens to standard output,
// so that the machine needs no openssl.
func printServiceAccountKey() {
	key, err := keyutil.MakeEllipticPrivateKeyPEM()
	exitOn(err)
	_, err = os.Stdout.Write(key)
	exitOn(err)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[0], err)
		os.Exit(1)
	}
}
