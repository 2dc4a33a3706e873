#!/bin/bash
# Hosts out of network namespaces of this machine, with links of a given rate between them:
#   netbox.sh up HOSTS RATE [UPLINK_RATE]   with UPLINK_RATE: the second half behind an uplink
#   netbox.sh run RANKS PROGRAM ARGS...     one rank a host, over TCP, algorithms and limits pinned
#   netbox.sh down
# NETBOX_DIR: a folder for its files; NETBOX_PREFIX: of the names of the namespaces (short).
set -eu
dir=${NETBOX_DIR:?a folder for its files}
prefix=${NETBOX_PREFIX:?a prefix for its namespaces}
switch=${prefix}sw

# Queues of `latency` hold what the sender's window may put there; with offloads on, the shaper
# would see packets of 64 KiB.
shape() { # NAMESPACE DEVICE RATE
  ip netns exec "$1" ethtool -K "$2" tso off gso off gro off >/dev/null
  tc -n "$1" qdisc replace dev "$2" root tbf rate "$3" burst 8kb latency 400ms
}

up() {
  local hosts=$1 rate=$2 uplink=${3:-} i host bridge
  ip netns add "$switch"
  for bridge in br0 br1; do
    ip -n "$switch" link add $bridge type bridge
    ip -n "$switch" link set $bridge up
  done
  if [[ -n $uplink ]]; then
    ip -n "$switch" link add up0 type veth peer name up1
    for i in 0 1; do
      ip -n "$switch" link set up$i master br$i
      ip -n "$switch" link set up$i up
      shape "$switch" up$i "$uplink"
    done
  fi
  : >"$dir/hosts"
  for ((i = 0; i < hosts; ++i)); do
    host=$prefix$i
    bridge=br0
    [[ -z $uplink ]] || ((i < hosts / 2)) || bridge=br1
    ip netns add "$host"
    ip link add name "$host-a" type veth peer name "$host-b"
    ip link set "$host-a" netns "$host" name eth0
    ip link set "$host-b" netns "$switch" name "port$i"
    ip -n "$host" addr add "10.77.0.$((10 + i))/24" dev eth0
    ip -n "$host" link set lo up
    ip -n "$host" link set eth0 up
    ip -n "$switch" link set "port$i" master $bridge
    ip -n "$switch" link set "port$i" up
    shape "$host" eth0 "$rate"
    shape "$switch" "port$i" "$rate"
    # BBR would pace against the shaper; reno is always allowed.
    ip netns exec "$host" sysctl -qw net.ipv4.tcp_congestion_control=reno \
      net.ipv4.tcp_slow_start_after_idle=0 net.ipv4.tcp_rmem="4096 4194304 33554432" \
      net.ipv4.tcp_wmem="4096 4194304 8388608"
    echo "10.77.0.$((10 + i)) slots=1" >>"$dir/hosts"
  done
  cat >"$dir/agent.sh" <<AGENT
#!/bin/sh
host=\$1
shift
space=$prefix\$((\${host##*.} - 10))
exec ip netns exec \$space unshare --uts sh -c 'hostname "\$0"; exec sh -c "\$1"' "\$space" "\$*"
AGENT
  chmod +x "$dir/agent.sh"
}

run() {
  local ranks=$1
  shift
  # Eager everywhere: rendezvous over one socket has two modes, a factor of two apart.
  exec ip netns exec "${prefix}0" unshare --uts sh -c 'hostname "$0"; exec "$@"' "${prefix}0" \
    mpirun --allow-run-as-root --hostfile "$dir/hosts" -np "$ranks" \
    --mca plm rsh --mca plm_rsh_agent "$dir/agent.sh" --mca pml ob1 --mca btl tcp,self \
    --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
    --bind-to none --mca mpi_yield_when_idle 1 \
    --mca btl_tcp_eager_limit 8388608 --mca btl_tcp_rndv_eager_limit 8388608 \
    --mca coll_tuned_use_dynamic_rules 1 --mca coll_tuned_alltoall_algorithm 2 \
    --mca coll_tuned_alltoallv_algorithm 2 "$@"
}

down() {
  local space pid
  for space in $(ip netns list | awk '{print $1}' | grep "^$prefix" || true); do
    for pid in $(ip netns pids "$space"); do
      kill -9 "$pid" 2>/dev/null || true
    done
    ip netns del "$space"
  done
}

command=$1
shift
"$command" "$@"
