//! A server of files, which may stand still in the middle of one.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Serves what is below a directory until it is dropped.
#[derive(Debug)]
pub struct FileServer {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FileServer {
    /// With `stand_still`, paths with that in them come by half and no further.
    ///
    /// # Panics
    /// Where there is no port.
    #[must_use]
    pub fn serve(root: &Path, stand_still: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let over = Arc::<AtomicBool>::default();
        let (root, is_over) = (root.to_owned(), Arc::clone(&over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_over.load(Ordering::Relaxed) {
                    return;
                }
                let (root, is_over) = (root.clone(), Arc::clone(&is_over));
                std::thread::spawn(move || answer(stream, &root, stand_still, &is_over));
            }
        });
        Self {
            port,
            over,
            thread: Some(thread),
        }
    }

    /// What its files are below.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for FileServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn answer(
    mut stream: TcpStream,
    root: &Path,
    stand_still: Option<&str>,
    over: &AtomicBool,
) -> Option<()> {
    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    let path = head.first()?.split(' ').nth(1)?.trim_start_matches('/');
    let file: PathBuf = root.join(path);
    let Ok(content) = std::fs::read(&file) else {
        let text = "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        return stream.write_all(text.as_bytes()).ok();
    };
    let length = content.len();
    let text = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(text.as_bytes()).ok()?;
    if !stand_still.is_some_and(|part| path.contains(part)) {
        return stream.write_all(&content).ok();
    }
    stream.write_all(&content[..length / 2]).ok()?;
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(())
}
