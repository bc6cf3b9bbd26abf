# The newcomer in scripts/first-hour.sh: types what stands in the file `commands`, and looks at the clock.

set -euo pipefail
export HOME=/home/newcomer PATH=/home/newcomer/.cargo/bin:/usr/local/bin:/usr/bin:/bin LANG=C.UTF-8
# Node.js and pip have lists of their own of whom to trust; this one is the system's.
export NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_CERT=/etc/ssl/certs/ca-certificates.crt
cd "$HOME/maru"

note() { echo "$*" | tee -a "$HOME/times.txt"; }

page_answers() { (exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3 && head -n 1 <&3 | grep -q ' 200 ') 2>/dev/null; }

# Types a command that serves until Ctrl+C, waits until the page is there, and ends it.
serve() {
    local began=$SECONDS server
    echo "\$ $1"
    # The container shares this machine's network: another server's page must not be taken for ours.
    if page_answers; then note "$1: something else answers at port 8080, stop it first"; exit 1; fi
    set -m
    bash -c "$1" &
    server=$!
    set +m
    until page_answers; do
        kill -0 "$server" 2>/dev/null || { note "$1: ended by itself after $((SECONDS - began)) s"; exit 1; }
        sleep 1
    done
    note "$1: the page answered after $((SECONDS - began)) s ($2)"
    kill -INT -- "-$server"
    wait "$server" || true
    while page_answers; do sleep 1; done
}

finish() {
    local began=$SECONDS
    echo "\$ $1"
    bash -c "$1" || { note "$1: failed after $((SECONDS - began)) s"; exit 1; }
    note "$1: $((SECONDS - began)) s"
}

while IFS= read -r command; do
    case $command in
        '' | '#'*) ;;
        'git clone '* | 'cd '*) ;; # the clone that this is
        'make run')
            serve "$command" "the first time"
            serve "$command" "the second time"
            ;;
        *) finish "$command" ;;
    esac
done <"$HOME/commands"
