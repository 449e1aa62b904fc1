//! The thread that tidies up behind the file: syncs what was rotated, compresses it, and does so also
//! with what an earlier run left.
//!
//! A crash at any point loses nothing: the frame is written under another name, synced, and renamed;
//! only then the source goes. What is half done is done anew by the next run.

use std::{
    fs::{self, File, FileTimes, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
};

use super::{
    archive::{Archive, Rotated},
    compress::compress,
    names::{Form, Stamp},
};

/// What the sink and the thread know together.
#[derive(Debug)]
pub struct Shared {
    archive: Archive,
    /// Held while files appear or go.
    changing: Mutex<()>,
    /// Length of the frame that is being written, bytes.
    unfinished: AtomicU64,
    stop: AtomicBool,
}

impl Shared {
    /// Of one sink.
    pub const fn new(archive: Archive) -> Self {
        Self {
            archive,
            changing: Mutex::new(()),
            unfinished: AtomicU64::new(0),
            stop: AtomicBool::new(false),
        }
    }

    /// The rotated files.
    pub const fn archive(&self) -> &Archive {
        &self.archive
    }

    /// As long as this is held, the other side neither adds nor removes a file.
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        // There is nothing in it that a panic could have left half done.
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Length of what is being compressed just now, bytes.
    pub fn unfinished(&self) -> u64 {
        self.unfinished.load(Ordering::Relaxed)
    }
}

/// The thread; ends with its owner, within milliseconds if the disk lets it.
#[derive(Debug)]
pub struct Tidier {
    shared: Arc<Shared>,
    /// Files to sync, if any; each is followed by a round through the folder.
    jobs: Option<mpsc::Sender<Option<File>>>,
    thread: Option<JoinHandle<()>>,
}

impl Tidier {
    /// Starts it, with a round through what is there. If `compresses` is false, it removes only what
    /// an earlier run left half done.
    pub fn start(shared: &Arc<Shared>, compresses: bool) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Option<File>>();
        let worker = Worker { shared: Arc::clone(shared), compresses, complaint: String::new() };
        let thread =
            thread::Builder::new().name("file-tidy".into()).spawn(move || worker.run(&queue))?;
        let tidier = Self { shared: Arc::clone(shared), jobs: Some(jobs), thread: Some(thread) };
        tidier.give(None);
        Ok(tidier)
    }

    /// Puts a file that was rotated, or moved away by somebody, safely on the disk.
    pub fn sync(&self, file: File) {
        self.give(Some(file));
    }

    fn give(&self, job: Option<File>) {
        if let Some(jobs) = &self.jobs {
            // It takes all until it is told to stop.
            let _taken = jobs.send(job);
        }
    }

    /// Waits until all is done that was asked for.
    #[cfg(test)]
    pub fn settle(mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().expect("it did not panic");
        }
    }
}

impl Drop for Tidier {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.shared.stop.store(true, Ordering::Relaxed);
            self.jobs = None;
            // Its panic was told already.
            let _ended = thread.join();
            self.shared.stop.store(false, Ordering::Relaxed);
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    compresses: bool,
    /// What was last complained about: once is enough.
    complaint: String,
}

impl Worker {
    fn run(mut self, jobs: &mpsc::Receiver<Option<File>>) {
        lower_priority();
        for job in jobs {
            let synced = job.map_or(Ok(()), |file| file.sync_all());
            let done = synced.and_then(|()| self.round());
            match done {
                Ok(()) => self.complaint.clear(),
                Err(error) => self.complain(&error),
            }
        }
    }

    fn complain(&mut self, error: &io::Error) {
        let complaint = format!(
            "cannot compress or sync the rotated files in {}: {error}; they are kept as they are, and \
             it is tried again with the next one",
            self.shared.archive.folder.display()
        );
        if complaint != self.complaint {
            tracing::warn!("{complaint}");
        }
        self.complaint = complaint;
    }

    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Relaxed)
    }

    /// Once through all that is there, the oldest first; what fails holds up none of the others.
    fn round(&self) -> io::Result<()> {
        let files = match self.shared.archive.list() {
            // The folder was removed, and comes with the next line.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            files => files?,
        };
        let mut done = Ok(());
        for Rotated { stamp, form, .. } in files {
            let tidied = match form {
                _ if self.stopped() => return Ok(()),
                // Of a run that was killed: only this thread makes any.
                Form::Unfinished => remove(&self.shared.archive.path(stamp, form)),
                Form::Plain if self.compresses => self.compress(stamp),
                Form::Plain | Form::Compressed => Ok(()),
            };
            done = done.and(tidied);
        }
        done.and_then(|()| sync_folder(&self.shared.archive.folder))
    }

    fn compress(&self, stamp: Stamp) -> io::Result<()> {
        let unfinished = self.shared.archive.path(stamp, Form::Unfinished);
        let done = self.compress_to(stamp, &unfinished);
        self.shared.unfinished.store(0, Ordering::Relaxed);
        if !matches!(done, Ok(true)) {
            remove(&unfinished)?;
        }
        done.map(drop)
    }

    /// False if it is not to be, or not any more.
    fn compress_to(&self, stamp: Stamp, unfinished: &Path) -> io::Result<bool> {
        let Shared { archive, .. } = &*self.shared;
        let plain = archive.path(stamp, Form::Plain);
        let mut options = OpenOptions::new();
        options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC).mode(0o600);
        let source = match options.clone().read(true).open(&plain) {
            Ok(source) => source,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let metadata = source.metadata()?;
        // Something that somebody put there is not made private, and not removed.
        if !metadata.is_file() || metadata.uid() != nix::unistd::geteuid().as_raw() {
            return Ok(false);
        }
        // That of a run that was killed.
        remove(unfinished)?;
        let frame = options.write(true).create_new(true).open(unfinished)?;
        let whole = compress(&source, &frame, |length| {
            self.shared.unfinished.store(length, Ordering::Relaxed);
            !self.stopped()
        })?;
        if !whole {
            return Ok(false);
        }
        // As old as its content.
        frame.set_times(FileTimes::new().set_modified(metadata.modified()?))?;
        let _guard = self.shared.lock();
        // Meanwhile it may have been the oldest that had to go.
        let still_there = fs::symlink_metadata(&plain)
            .is_ok_and(|now| (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()));
        if still_there {
            fs::rename(unfinished, archive.path(stamp, Form::Compressed))?;
            sync_folder(&archive.folder)?;
            remove(&plain)?;
        }
        Ok(still_there)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes renames in it last.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The capture comes first, and all else on the node too.
fn lower_priority() {
    // SAFETY: no memory is passed. On Linux, 0 is the calling thread. Where it is not allowed, the
    // thread goes on as it is.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) };
}
