//! The threads of processes, and what each does in the kernel.

use std::path::Path;

/// A thread as it was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its process, as the host numbers it.
    pub pid: i32,
    /// The thread itself.
    pub tid: i32,
    /// Its name, which it may have chosen.
    pub name: String,
    /// The kernel's letter: `S` sleeps and can be woken, `D` waits for something and
    /// cannot, `R` runs, `T` and `t` are stopped, `Z` has ended.
    pub state: char,
    /// The function of the kernel that it waits in, where the kernel tells.
    pub waits_in: Option<String>,
}

/// All threads of these processes; what ended meanwhile is left out.
///
/// # Kernel
/// proc_pid_stat(5), fields 2 and 3; /proc/PID/task/TID/wchan, which a kernel
/// without symbols shows as 0.
#[must_use]
pub fn tasks(pids: &[i32]) -> Vec<Task> {
    let of_one = |pid: &i32| {
        let dir = format!("/proc/{pid}/task");
        let entries = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        let tids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        tids.filter_map(|tid| task(*pid, tid, &dir))
            .collect::<Vec<_>>()
    };
    pids.iter().flat_map(of_one).collect()
}

fn task(pid: i32, tid: i32, dir: &str) -> Option<Task> {
    let bytes = std::fs::read(format!("{dir}/{tid}/stat")).ok()?;
    let (name, state) = name_and_state(&String::from_utf8_lossy(&bytes))?;
    let waits_in = veld_kernfs::read(Path::new(&format!("{dir}/{tid}/wchan"))).ok();
    Some(Task {
        pid,
        tid,
        name,
        state,
        waits_in: waits_in.filter(|symbol| !symbol.is_empty() && symbol != "0"),
    })
}

/// The name may hold anything, so it ends at the last parenthesis.
fn name_and_state(stat: &str) -> Option<(String, char)> {
    let (before, after) = stat.rsplit_once(") ")?;
    let (_, name) = before.split_once('(')?;
    Some((name.to_owned(), after.chars().next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_look_like_what_follows_it() {
        let found = name_and_state("7 (a) D (b) S 1 7 7");
        assert_eq!(found, Some(("a) D (b".to_owned(), 'S')));
        assert_eq!(name_and_state("7 (a"), None);
    }

    #[test]
    fn threads_of_this_process_are_found() {
        let me = std::process::id().cast_signed();
        let (tell, told) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || told.recv().is_err());
        let found = tasks(&[me]);
        assert!(found.len() >= 2, "{found:?}");
        assert!(found.iter().all(|task| task.pid == me));
        assert!(found.iter().any(|task| task.tid == me));
        drop(tell);
        assert!(thread.join().unwrap());
        assert_eq!(tasks(&[i32::MAX]), []);
    }
}
