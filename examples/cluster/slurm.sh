#!/bin/bash
# Writes what the videos of a folder show into a table, on the machines of a Slurm cluster:
#
#   sbatch slurm.sh /shared/films /shared/table
#
#SBATCH --job-name=action-recognition
#SBATCH --nodes=4
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=16
#SBATCH --exclusive
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail
films=$(realpath "$1")
table=$(realpath "$2")

source "$HOME/recognition/bin/activate"
export RAY_USAGE_STATS_ENABLED=0
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN
RAY_AUTH_TOKEN=$(openssl rand -hex 32)           # others on the network cannot use this Ray

# This script runs on the first machine of the job; the others must reach this address of it.
first=$(hostname --all-ip-addresses | cut --delimiter=' ' --fields=1)

# Starts Ray on all machines, the command after `--` on the first, and ends Ray after it.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    ray symmetric-run --address="$first:6379" --min-nodes="$SLURM_JOB_NUM_NODES" \
    --num-cpus="$SLURM_CPUS_PER_TASK" -- \
    action-recognition batch "$films" --output "$table" --address auto
