#!/bin/sh
# How a learner's own server starts, as that learner: on one machine, and in a cluster.
set -eu
umask 077  # what a learner makes here, no other learner reads

export MYGPT_COPIES="${MYGPT_COPIES:-$HOME/mygpt/my}"
work=$(dirname "$MYGPT_COPIES")
export JUPYTERHUB_ROOT_DIR="$work"
export JUPYTERHUB_DEFAULT_URL="/lab/tree/$(basename "$MYGPT_COPIES")/00_start_here.ipynb"

# Copy what is not there yet. What else is said, such as a newer version, is the page that opens.
# Whatever fails, such as a full disk, the server starts: there the learner can make room.
mkdir -p "$work"
news=$(python -m mygpt_helpers copy 2>&1 | grep -v "is copied into" || true)
rm -f "$work/NEWS.txt"
if [ -n "$news" ]; then
  echo "$news" >"$work/NEWS.txt" || true
  export JUPYTERHUB_DEFAULT_URL=/lab/tree/NEWS.txt
fi

# Kernels are reached through files, for every user of a machine may knock at its ports. Here, for
# below a home folder of a long name the files' names would be too long. A server that has ended left
# its folder behind.
find /tmp -maxdepth 1 -type d -name 'mygpt.??????' -user "$(id -u)" -exec rm -r {} + || true
JUPYTER_RUNTIME_DIR=$(mktemp -d /tmp/mygpt.XXXXXX)
export JUPYTER_RUNTIME_DIR

# What is freed goes back to the machine: 80 MB less for a kernel in lesson 04.
export MALLOC_ARENA_MAX=1 MALLOC_TRIM_THRESHOLD_=131072

# --data: what one process may take for itself. A kernel that wants more gets an error, and lives on;
# the model's pages, which all kernels share, do not count. --as would count them.
# A kernel at rest for an hour is shut down, its notebook open or not. One that computes is not.
# A terminal that reads no login file keeps the PATH, and so the course's `python`.
exec prlimit --data="${MYGPT_KERNEL_BYTES:-4000000000}" \
  python -m jupyterhub.singleuser \
  --KernelManager.transport=ipc \
  --MappingKernelManager.cull_idle_timeout=3600 \
  --MappingKernelManager.cull_interval=300 \
  --MappingKernelManager.cull_connected=True \
  --ServerApp.terminado_settings=shell_command=/bin/bash \
  "$@"
