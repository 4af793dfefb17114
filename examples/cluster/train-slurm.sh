#!/bin/bash
# Trains a network on the machines of a Slurm cluster:
#
#   sbatch train-slurm.sh /shared/my_clips /shared/my.h5
#
#SBATCH --job-name=action-recognition
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=16
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail
clips=$(realpath "$1")
model=$(realpath "$2")

source "$HOME/recognition/bin/activate"

# A job that is started again goes on from the last epoch.
resume=()
if [ -e "${model%.h5}.training/settings.json" ]; then resume=(--resume); fi

# The machines meet on the first one.
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)

# A process for each GPU; a lost one starts all of them again, three times at most.
srun --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    torchrun --nnodes="$SLURM_JOB_NUM_NODES" --nproc-per-node="$SLURM_GPUS_ON_NODE" \
    --max-restarts=3 --rdzv-backend=c10d --rdzv-id="$SLURM_JOB_ID" --rdzv-endpoint="$first:29500" \
    --no-python action-recognition train --data "$clips" --output "$model" "${resume[@]}"
