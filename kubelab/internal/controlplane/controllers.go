package controlplane

import (
	"context"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/metadata/metadatainformer"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/controller-manager/pkg/informerfactory"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller/clusterroleaggregation"
	"k8s.io/kubernetes/pkg/controller/garbagecollector"
	"k8s.io/kubernetes/pkg/controller/namespace"
	"k8s.io/kubernetes/pkg/controller/serviceaccount"
)

// resync is how often informers go over what they hold.
const resync = 10 * time.Minute

// startControllers starts the controllers without which the API server lies:
// the aggregation of ClusterRoles (else `edit` has no rules), namespaces (else
// none ever ends), ServiceAccounts (else no namespace has its default one) and
// the garbage collector (else dependents outlive their owners). They run until
// ctx ends. Each is its own package, for kube-controller-manager's would bring
// some forty more.
func startControllers(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make the controllers' client: %w", err)
	}
	objects, err := metadata.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make the controllers' client: %w", err)
	}
	typed := informers.NewSharedInformerFactory(client, resync)
	others := metadatainformer.NewSharedInformerFactory(objects, resync)

	aggregation := clusterroleaggregation.NewClusterRoleAggregation(typed.Rbac().V1().ClusterRoles(), client.RbacV1())
	namespaces := namespace.NewNamespaceController(ctx, client, objects, client.Discovery().ServerPreferredNamespacedResources,
		typed.Core().V1().Namespaces(), resync, v1.FinalizerKubernetes)
	accounts, err := serviceaccount.NewServiceAccountsController(klog.FromContext(ctx), typed.Core().V1().ServiceAccounts(),
		typed.Core().V1().Namespaces(), client, serviceaccount.DefaultServiceAccountsControllerOptions())
	if err != nil {
		return fmt.Errorf("make the ServiceAccount controller: %w", err)
	}
	started := make(chan struct{})
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(client.Discovery()))
	garbage, err := garbagecollector.NewGarbageCollector(ctx, client, objects, mapper, garbagecollector.DefaultIgnoredResources(),
		informerfactory.NewInformerFactory(typed, others), started)
	if err != nil {
		return fmt.Errorf("make the garbage collector: %w", err)
	}

	go aggregation.Run(ctx, 5)
	go namespaces.Run(ctx, 5)
	go accounts.Run(ctx, 1)
	go garbage.Run(ctx, 5, 30*time.Second)
	go garbage.Sync(ctx, discovery.ServerResourcesInterface(client.Discovery()), 30*time.Second)
	typed.Start(ctx.Done())
	others.Start(ctx.Done())
	close(started)
	return nil
}

// rolesAreWhole reports whether the API server has made its default roles and
// the aggregated ones among them have their rules.
func rolesAreWhole(ctx context.Context, client kubernetes.Interface) bool {
	for _, name := range []string{"admin", "edit", "view"} {
		role, err := client.RbacV1().ClusterRoles().Get(ctx, name, metav1.GetOptions{})
		if err != nil || len(role.Rules) == 0 {
			return false
		}
	}
	_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err == nil
}
