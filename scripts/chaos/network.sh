#!/usr/bin/env bash
# A network of its own for every broker and server of scripts/chaos.sh, whose cables can be cut (Linux, root).
#
#   scripts/chaos/network.sh missing           exit 0 and say what is missing, if something is; exit 1 if nothing is
#   scripts/chaos/network.sh up                make it: a bridge with three brokers and three servers at it, and the people on this side
#   scripts/chaos/network.sh down              remove it
#   scripts/chaos/network.sh cut A B [both|in|out]
#                                              A hears nothing from B (in), is not heard by it (out), or both; nobody is told: packets vanish
#   scripts/chaos/network.sh mend A            A hears everybody again, and is heard
#
# A is broker-1 … broker-3 or server-0 … server-2; B one of them, or an address, or a range of addresses such as 10.77.0.100/31.
# scripts/kafka.sh runs brokers in it with KAFKA_HOST=10.77.0.NODE and KAFKA_RUN='ip netns exec maru-chaos-broker-NODE'.

. "$(dirname "${BASH_SOURCE[0]}")/../common.sh"

NAME=maru-chaos
# At most 15 characters may name an interface.
BRIDGE=maru-chaos
MEMBERS='broker-1 broker-2 broker-3 server-0 server-1 server-2'
# The people: each tenth of them has an address of its own.
PEOPLE='100 101 102 103 104 105 106 107 108 109'

address() {
    case $1 in
        broker-*) echo "10.77.0.${1#broker-}" ;;
        server-*) echo "10.77.0.$((10 + ${1#server-}))" ;;
        *) echo "$1" ;;
    esac
}

cable() { echo "chaos-$1"; }

missing() {
    if [ "$(uname -s)" != Linux ]; then echo "Network namespaces are Linux's."; return; fi
    if [ "$(id -u)" != 0 ]; then echo "Only root may make network namespaces."; return; fi
    if ! have ip; then echo "ip is missing: apt-get install iproute2."; return; fi
    if ! have iptables; then echo "iptables is missing: apt-get install iptables."; return; fi
    if ! ip netns add "$NAME-try" 2>/dev/null; then echo "This machine allows no network namespaces."; return; fi
    if ! ip netns exec "$NAME-try" iptables -A INPUT -s 10.77.0.1 -j DROP 2>/dev/null; then echo "This machine's iptables drops nothing."; fi
    ip netns del "$NAME-try"
}

up() {
    local member number
    down
    ip link add "$BRIDGE" type bridge
    for number in 254 $PEOPLE; do ip addr add "10.77.0.$number/24" dev "$BRIDGE"; done
    ip link set "$BRIDGE" up
    for member in $MEMBERS; do
        ip netns add "$NAME-$member"
        ip link add "$(cable "$member")" type veth peer name eth0 netns "$NAME-$member"
        ip link set "$(cable "$member")" master "$BRIDGE" up
        ip -n "$NAME-$member" addr add "$(address "$member")/24" dev eth0
        ip -n "$NAME-$member" link set lo up
        ip -n "$NAME-$member" link set eth0 up
    done
}

down() {
    local member
    for member in $MEMBERS; do ip netns del "$NAME-$member" 2>/dev/null || true; done
    ip link del "$BRIDGE" 2>/dev/null || true
}

# In A's own network, so that nothing of it is left when that is gone.
cut() {
    local member=$1 other direction=${3:-both}
    other=$(address "$2")
    [ "$direction" = out ] || ip netns exec "$NAME-$member" iptables -A INPUT -s "$other" -j DROP
    [ "$direction" = in ] || ip netns exec "$NAME-$member" iptables -A OUTPUT -d "$other" -j DROP
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
    missing) lack=$(missing); [ -n "$lack" ] && echo "$lack" ;;
    up) up ;;
    down) down ;;
    cut) cut "$@" ;;
    mend) ip netns exec "$NAME-$1" iptables -F ;;
    *) sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
