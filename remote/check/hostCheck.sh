# Looks at a host and prints a fact a line: MARK key value. Read by `sh -s` on standard input after MARK, PYTHON and RUNS were set.
# Works where only a POSIX shell is; changes nothing.
say() { printf '%s %s %s\n' "$MARK" "$1" "$(printf '%s' "$2" | head -n 1 | cut -c 1-300)"; }
have() { command -v "$1" >/dev/null 2>&1; }

say hostname "$(uname -n)"
say home "$HOME"
say kernel "$(uname -sr)"
say architecture "$(uname -m)"
say system "$( (. /etc/os-release && printf '%s' "$PRETTY_NAME") 2>/dev/null || uname -s)"
say cores "$(getconf _NPROCESSORS_ONLN 2>/dev/null)"
say memory "$(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)"
say memoryAvailable "$(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo 2>/dev/null)"
say load "$(cut -d ' ' -f 1-3 /proc/loadavg 2>/dev/null)"

# The runs folder may not be there yet: its disk is that of the nearest folder above it.
place=$RUNS
while [ ! -d "$place" ] && [ "$place" != / ] && [ "$place" != . ]; do place=$(dirname -- "$place"); done
say disk "$(df -Pk -- "$place" 2>/dev/null | awk 'NR == 2 { print $4, $2, $6 }')"
if [ -w "$place" ]; then say writable yes; else say writable no; fi
count=0
if [ -d "$RUNS" ]; then
  for spec in "$RUNS"/*/spec.json; do [ -f "$spec" ] && count=$((count + 1)); done
fi
say runs "$count"
say runsFolder "$RUNS"

# Accelerators as the system names them: TPU chips are devices of the kernel, GPUs answer to their driver's program.
chips=0
for chip in /dev/accel[0-9]* /dev/vfio/[0-9]*; do [ -e "$chip" ] && chips=$((chips + 1)); done
say tpuChips "$chips"
holding=free
for holder in /proc/[0-9]*; do
  [ "$chips" -gt 0 ] || break
  for open in "$holder"/fd/*; do
    case $(readlink "$open" 2>/dev/null) in
      /dev/accel[0-9]* | /dev/vfio/[0-9]*) say tpuHolder "${holder#/proc/}"; holding=busy; break 2 ;;
    esac
  done
done
if have nvidia-smi; then
  nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits 2>/dev/null | head -n 64 | while IFS= read -r line; do say gpu "$line"; done
fi
if have tpu-info; then
  tpu-info 2>&1 | head -n 60 | while IFS= read -r line; do printf '%s tpuInfo %s\n' "$MARK" "$(printf '%s' "$line" | cut -c 1-200)"; done
fi

# Where jobs can be handed to Slurm: its partitions, as its controller names them.
slurm=$(PATH=$PATH:/opt/slurm/bin:/usr/local/slurm/bin command -v sbatch 2>/dev/null)
if [ -n "$slurm" ]; then
  say slurm "$("$slurm" --version 2>/dev/null)"
  "${slurm%/*}/sinfo" --noheader --format='%P|%a|%D|%l' 2>/dev/null | head -n 100 | while IFS= read -r line; do say partition "$line"; done
fi

found=$(command -v "$PYTHON" 2>/dev/null)
say pythonPath "$found"
