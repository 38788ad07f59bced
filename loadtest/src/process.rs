//! What the server's process costs, from Linux's /proc: memory in KiB, CPU in microseconds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

#[derive(Clone, Debug)]
pub struct Process {
    directory: PathBuf,
}

impl Process {
    /// # Errors
    ///
    /// If there is no such process.
    pub fn find(pid: u32) -> Result<Self> {
        let process = Self { directory: format!("/proc/{pid}").into() };
        process.rss_kib().with_context(|| format!("no process {pid}"))?;
        Ok(process)
    }

    /// Resident memory (`VmRSS`).
    pub fn rss_kib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(self.directory.join("status"))?;
        parse_rss_kib(&status).context("no VmRSS in /proc/PID/status")
    }

    /// User and system time of all threads so far, in steps of one clock tick (10 ms).
    pub fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.directory.join("stat"))?;
        let ticks = parse_cpu_ticks(&stat).context("no times in /proc/PID/stat")?;
        let ticks_per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_micros(ticks * 1_000_000 / ticks_per_second))
    }
}

/// Time a process has spent up to a moment, all threads together.
#[derive(Clone, Copy)]
pub struct Usage {
    pub cpu: Duration,
    /// Time in which a thread could have run but its core was taken: by other threads of the process, or by
    /// somebody who disturbs the measurement. Zero where the kernel does not say.
    pub waited: Duration,
}

impl Process {
    pub fn usage(&self) -> Result<Usage> {
        Ok(Usage { cpu: self.cpu()?, waited: self.waited()? })
    }

    fn waited(&self) -> Result<Duration> {
        let mut waited_ns = 0;
        for thread in std::fs::read_dir(self.directory.join("task"))? {
            // A thread that has just ended is not there any more.
            let schedstat =
                std::fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
            waited_ns += parse_waited_ns(&schedstat).unwrap_or(0);
        }
        Ok(Duration::from_nanos(waited_ns))
    }
}

impl Usage {
    /// What was spent since `before`; threads that ended meanwhile took their waiting along.
    pub fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(before.cpu),
            waited: self.waited.saturating_sub(before.waited),
        }
    }
}

/// Time on a core, time waiting for one (both in nanoseconds), number of slices.
fn parse_waited_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn parse_rss_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// `utime` and `stime`, fields 14 and 15: counted from behind the command, which may contain blanks and brackets.
fn parse_cpu_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_blanks_and_brackets_does_not_shift_the_times() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(parse_cpu_ticks(stat), Some(300));
    }

    #[test]
    fn waiting_for_a_core_is_the_second_figure() {
        assert_eq!(parse_waited_ns("1000 88421 3\n"), Some(88_421));
        assert_eq!(parse_waited_ns(""), None);
    }

    #[test]
    fn resident_memory_is_read_in_kib() {
        assert_eq!(parse_rss_kib("VmPeak:\t  9 kB\nVmRSS:\t   1234 kB\n"), Some(1234));
        assert_eq!(parse_rss_kib("Name:\tkernel thread\n"), None);
    }

    #[test]
    fn the_own_process_has_memory_and_time() {
        let own = Process::find(std::process::id()).unwrap();
        assert!(own.rss_kib().unwrap() > 0);
        let usage = own.usage().unwrap();
        let later = own.usage().unwrap().since(usage);
        assert!(later.cpu < Duration::from_secs(60) && later.waited < Duration::from_secs(60));
    }
}
