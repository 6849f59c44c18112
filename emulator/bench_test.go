package emulator_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/atlas-iam/atlas-iam/emulator"
)

// BenchmarkWrites makes access entries over loopback, synced to disk, with
// 32 clients at once.
func BenchmarkWrites(b *testing.B) {
	s, _ := open(b, emulator.Options{File: filepath.Join(b.TempDir(), "lab.db")})
	server := httptest.NewServer(s)
	b.Cleanup(server.Close)
	c := client(server.URL, &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}, keys(b, s), 1)
	if err := makeCluster(b.Context(), c, "dev"); err != nil {
		b.Fatal(err)
	}
	next := make(chan int, b.N)
	for i := range b.N {
		next <- i
	}
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			arn := fmt.Sprintf("arn:aws:iam::999999999999:role/r%d", <-next)
			if _, err := c.CreateAccessEntry(b.Context(), &sdk.CreateAccessEntryInput{ClusterName: aws.String("dev"), PrincipalArn: &arn}); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}
