#!/bin/sh
# Stands in for ssh where each host is a network namespace of this machine: mpiexec.mpich -launcher ssh -launcher-exec THIS …
# DOUBLETRACK_HOSTS says where: "ADDRESS=NAMESPACE=CORES ...", cores as taskset writes them.
set -eu
while [ "${1#-}" != "$1" ]; do shift; done
address=$1
shift
for host in $DOUBLETRACK_HOSTS; do
  rest=${host#"$address="}
  if [ "$rest" != "$host" ]; then
    # mpiexec quotes the command for the shell of another host.
    exec ip netns exec "${rest%%=*}" taskset -c "${rest#*=}" /bin/sh -c "$*" < /dev/null
  fi
done
echo "no namespace has the address $address (DOUBLETRACK_HOSTS: $DOUBLETRACK_HOSTS)" >&2
exit 1
