# What a person does with this checkout. The work itself is in scripts/, one file a task.

.PHONY: help run dist image cluster kafka kafka-stop dev lint test test-all chaos crash fuzz image-test bench-checker bench-codec budgets screenshots pictures

help:
	@echo 'Try it'
	@echo '  make run          build a release and serve it at http://localhost:8080, data in ./data'
	@echo ''
	@echo 'Run it'
	@echo '  make dist         leave the release in target/dist/ and as an archive, to be copied anywhere and started as ./maru'
	@echo '                    PREVIOUS=folder keeps the page files of that release, so that open pages outlive the upgrade'
	@echo '  make image        build the container image from source, with docker, podman or buildah'
	@echo '  make cluster      two servers at http://localhost:8080 and :8081 on an Apache Kafka, until Ctrl+C; NODES=3 for three brokers'
	@echo '  make kafka        start that Kafka alone, at 127.0.0.1:9092, without Docker; NODES=3 for three brokers'
	@echo '                    (scripts/kafka.sh tells how to stop, kill, freeze and start each of them)'
	@echo '  make kafka-stop   stop it'
	@echo ''
	@echo 'Build on it'
	@echo '  make dev          serve a development build at http://localhost:8080 that follows your edits, data in ./data/dev'
	@echo '  make lint         formatting, lints, documentation, licences'
	@echo '  make test         lint, and run the tests (needs Chromium; with Java and Maven also those on Apache Kafka)'
	@echo '  make test-all     the tests and the long suites; leaves what was measured in docs/'
	@echo '  make chaos        break servers and brokers while people chat, and check what they saw (needs Java and Maven);'
	@echo '                    RUN=all takes more than an hour; RUN=kill-servers and others are in docs/reliability.md;'
	@echo '                    ARGUMENTS="--faults kill-broker --rounds 3" for one of your own'
	@echo '  make crash        kill -9 a server with its embedded log 1,000 times while people send, and check what they saw;'
	@echo '                    ARGUMENTS="--rounds 100"'
	@echo '  make fuzz         feed the decoders with made-up input, a minute each'
	@echo '  make image-test   put a release into an image and test that, without an engine (Linux, root, buildah, mmdebstrap)'
	@echo '  make bench-checker  how long the checker of those runs takes for ten million events'
	@echo '  make bench-codec  how fast the STOMP codec is; the table goes to docs/codec.md'
	@echo '  make budgets      what the page weighs and how quick it is; the table goes to docs/budgets.md (needs Chromium)'
	@echo '  make screenshots  take the pictures in README.md, of people who chat for five minutes (needs Chromium)'
	@echo '  make pictures     every state of the page, light and dark, on a desktop and on phones, to target/screenshots/'

run:
	@scripts/dist.sh
	@exec target/dist/maru

dev:
	@scripts/dev.sh

dist:
	@PREVIOUS='$(PREVIOUS)' scripts/dist.sh archive

test:
	@scripts/test.sh

test-all:
	@scripts/test.sh
	@scripts/kafka-test.sh
	@scripts/contract.sh
	@scripts/crash.sh
	@scripts/faults.sh
	@scripts/fuzz.sh
	@scripts/suites.sh stomppy
	@scripts/long.sh
	@scripts/measure.sh

chaos:
	@scripts/dist.sh
	@scripts/chaos.sh $(RUN) $(ARGUMENTS)

crash:
	@scripts/dist.sh
	@scripts/crash.sh $(ARGUMENTS)

fuzz:
	@scripts/fuzz.sh

lint:
	@scripts/tools.sh test
	@scripts/lint.sh

bench-checker:
	@scripts/bench-checker.sh

bench-codec:
	@scripts/bench-codec.sh

budgets:
	@scripts/dist.sh
	@scripts/budgets.sh

kafka:
	@KAFKA_NODES=$(NODES) scripts/kafka.sh start

kafka-stop:
	@scripts/kafka.sh stop

cluster:
	@scripts/dist.sh
	@KAFKA_NODES=$(NODES) scripts/cluster.sh

image:
	@scripts/image.sh

image-test:
	@scripts/image-test.sh

screenshots:
	@scripts/dist.sh
	@scripts/screenshots.sh

pictures:
	@scripts/dist.sh
	@scripts/screenshots.sh states
