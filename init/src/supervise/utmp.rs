//! Records of boots, run levels and ended logins, for `runlevel`, `who -r` and
//! `last`. Only files that the distribution has made are written: those without
//! any do not want them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem::{offset_of, size_of};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::libc::utmpx;
use rustix::fs::OFlags;
use rustix::process::Pid;

use crate::level::Level;

const SIZE: usize = size_of::<utmpx>();
/// utmp(5), `ut_type`.
const RUN_LEVEL: i16 = 1;
const BOOT_TIME: i16 = 2;
const INIT_PROCESS: i16 = 5;
const USER_PROCESS: i16 = 7;
const DEAD_PROCESS: i16 = 8;

/// Those who are logged in, and what the system does.
const UTMP: [&str; 2] = ["/run/utmp", "/var/run/utmp"];
/// All who were.
const WTMP: &str = "/var/log/wtmp";
/// More of a file is not looked through: 2,000 terminals.
const MOST: u64 = 1024 * 1024;

/// One record, as bytes of the C library's struct.
struct Record([u8; SIZE]);

/// Says that the system has booted.
pub(super) fn booted() {
    let record = Record::new(BOOT_TIME, 0, "~", "reboot");
    write(&record, |other| other.kind() == BOOT_TIME);
}

/// Says which run level is entered, and from which.
pub(super) fn entered(level: Level, before: Option<Level>) {
    let before = before.map_or(b'N', Level::byte);
    let number = i32::from(level.byte()) + 256 * i32::from(before);
    let record = Record::new(RUN_LEVEL, number, "~", "runlevel");
    write(&record, |other| other.kind() == RUN_LEVEL);
}

/// Says that the system goes down, which only the history has.
pub(super) fn goes_down() {
    let record = Record::new(RUN_LEVEL, 0, "~~", "shutdown");
    let _ = append(&record);
}

/// Says that a process has ended which was somebody's login, if it was.
pub(super) fn ended(pid: Pid) {
    let is_it = |other: &Record| {
        other.pid() == pid.as_raw_nonzero().get()
            && (INIT_PROCESS..=USER_PROCESS).contains(&other.kind())
    };
    let Ok((mut file, records)) = open() else {
        return;
    };
    if let Some(index) = records.iter().position(is_it)
        && let Some(Record(bytes)) = records.into_iter().nth(index)
    {
        let mut record = Record(bytes);
        record.put(offset_of!(utmpx, ut_type), &DEAD_PROCESS.to_ne_bytes());
        record.put(offset_of!(utmpx, ut_user), &[0; 32]);
        record.put(offset_of!(utmpx, ut_host), &[0; 256]);
        record.put_now();
        let _ = put(&mut file, index, &record);
        let _ = append(&record);
    }
}

/// Puts a record in the place of the one that it takes over from, or at the end,
/// and into the history. A full disk, or nowhere to write to, costs the record.
fn write(record: &Record, replaces: impl Fn(&Record) -> bool) {
    if let Ok((mut file, records)) = open() {
        let index = records.iter().position(replaces).unwrap_or(records.len());
        let _ = put(&mut file, index, record);
    }
    let _ = append(record);
}

fn open() -> io::Result<(File, Vec<Record>)> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(flags());
    let mut opened = UTMP.into_iter().map(|path| options.open(path));
    let mut file = opened.find_map(Result::ok).ok_or(io::ErrorKind::NotFound)?;
    let mut bytes = Vec::new();
    io::Read::by_ref(&mut file)
        .take(MOST)
        .read_to_end(&mut bytes)?;
    let records = bytes.as_chunks::<SIZE>().0.iter().copied().map(Record);
    Ok((file, records.collect()))
}

fn put(file: &mut File, index: usize, record: &Record) -> io::Result<()> {
    veld_sys::fault::point("write utmp")?;
    let offset = u64::try_from(index.saturating_mul(SIZE)).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(offset))?;
    file.write_all(&record.0)
}

fn append(record: &Record) -> io::Result<()> {
    veld_sys::fault::point("write wtmp")?;
    let mut options = OpenOptions::new();
    let mut file = options.append(true).custom_flags(flags()).open(WTMP)?;
    file.write_all(&record.0)
}

/// A fifo, or a terminal, in the place of a file does not keep PID 1 waiting.
fn flags() -> i32 {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    i32::try_from(flags.bits()).unwrap_or(0)
}

impl Record {
    fn new(kind: i16, pid: i32, line: &str, user: &str) -> Self {
        let mut record = Self([0; SIZE]);
        record.put(offset_of!(utmpx, ut_type), &kind.to_ne_bytes());
        record.put(offset_of!(utmpx, ut_pid), &pid.to_ne_bytes());
        record.put(offset_of!(utmpx, ut_line), line.as_bytes());
        record.put(offset_of!(utmpx, ut_id), b"~~");
        record.put(offset_of!(utmpx, ut_user), user.as_bytes());
        let release = rustix::system::uname();
        let release = release.release().to_bytes();
        record.put(
            offset_of!(utmpx, ut_host),
            release.get(..64).unwrap_or(release),
        );
        record.put_now();
        record
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        if let Some(place) = self.0.get_mut(at..at.saturating_add(bytes.len())) {
            place.copy_from_slice(bytes);
        }
    }

    /// The time is two numbers, of 32 bits each where 32-bit programs read the same
    /// file.
    fn put_now(&mut self) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let (seconds, micros) = (now.as_secs(), u64::from(now.subsec_micros()));
        let at = offset_of!(utmpx, ut_tv);
        let width = (offset_of!(utmpx, ut_addr_v6) - at) / 2;
        for (number, place) in [(seconds, at), (micros, at + width)] {
            match u32::try_from(number) {
                Ok(number) if width == size_of::<u32>() => self.put(place, &number.to_ne_bytes()),
                // Past the year 2106 such a file has no time for it.
                _ if width == size_of::<u32>() => {}
                _ => self.put(place, &number.to_ne_bytes()),
            }
        }
    }

    fn kind(&self) -> i16 {
        i16::from_ne_bytes(self.get(offset_of!(utmpx, ut_type)))
    }

    fn pid(&self) -> i32 {
        i32::from_ne_bytes(self.get(offset_of!(utmpx, ut_pid)))
    }

    fn get<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self
            .0
            .get(at..at + N)
            .and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or([0; N])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_laid_out_as_the_c_library_reads_it() {
        let record = Record::new(RUN_LEVEL, 0x4e32, "~", "runlevel");
        assert_eq!((record.kind(), record.pid()), (RUN_LEVEL, 0x4e32));
        let user = offset_of!(utmpx, ut_user);
        assert_eq!(&record.0[user..user + 9], b"runlevel\0");
        let at = offset_of!(utmpx, ut_tv);
        let width = (offset_of!(utmpx, ut_addr_v6) - at) / 2;
        assert!(width == 4 || width == 8);
        assert_ne!(record.0[at..at + width], vec![0; width]);
        assert!(record.0[offset_of!(utmpx, ut_host)] != 0);
    }
}
