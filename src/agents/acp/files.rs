//! `fs/read_text_file` and `fs/write_text_file`: files of the workspace, and no others.
//!
//! An agent may ask for any path, and may put links in the way between our look and our write. So a path is first made free of links,
//! must then lie in the workspace, and is opened part by part without following any: what was swapped in meanwhile is refused.

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, mkdirat},
};
use serde_json::{Value, json};
use std::{
    ffi::OsStr,
    fs::File,
    io::{Read, Write},
    os::fd::OwnedFd,
    path::{Component, Path, PathBuf},
};

/// A longer file is no text that a model reads.
const LONGEST: u64 = 10 << 20;

/// Why a request was not done, in words for the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum No {
    /// It lies outside the workspace.
    Outside(String),
    Failed(String),
}

pub(super) fn read(workspace: &Path, params: &Value) -> Result<Value, No> {
    let path = named(params)?;
    let (folder, name) = reach(workspace, &path, Making::Nothing)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::from(opened(openat(&folder, name.as_os_str(), flags, Mode::empty()), &path)?);
    regular(&file, &path)?;
    let mut bytes = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&path, &error))?;
    if bytes.len() as u64 > LONGEST {
        return Err(No::Failed(format!("{} is longer than 10 MiB", path.display())));
    }
    let text = String::from_utf8(bytes).map_err(|_| No::Failed(format!("{} is no UTF-8 text", path.display())))?;
    Ok(json!({"content": lines_of(&text, params)}))
}

pub(super) fn write(workspace: &Path, params: &Value) -> Result<Value, No> {
    let path = named(params)?;
    let content =
        params.get("content").and_then(Value::as_str).ok_or_else(|| No::Failed("`content` is missing".to_owned()))?;
    let (folder, name) = reach(workspace, &path, Making::Folders)?;
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let mode = Mode::from_bits_truncate(0o644);
    let mut file = File::from(opened(openat(&folder, name.as_os_str(), flags, mode), &path)?);
    regular(&file, &path)?;
    file.set_len(0).and_then(|()| file.write_all(content.as_bytes())).map_err(|error| failed(&path, &error))?;
    Ok(json!({}))
}

/// The lines from `line` on (1-based), at most `limit` of them.
fn lines_of(text: &str, params: &Value) -> String {
    let number = |key: &str| params.get(key).and_then(Value::as_u64).and_then(|number| usize::try_from(number).ok());
    if number("line").is_none() && number("limit").is_none() {
        return text.to_owned();
    }
    let skip = number("line").unwrap_or(1).saturating_sub(1);
    text.split_inclusive('\n').skip(skip).take(number("limit").unwrap_or(usize::MAX)).collect()
}

fn named(params: &Value) -> Result<PathBuf, No> {
    let path = params.get("path").and_then(Value::as_str).map(PathBuf::from);
    path.filter(|path| path.is_absolute()).ok_or_else(|| No::Failed("`path` is not an absolute path".to_owned()))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Making {
    Nothing,
    Folders,
}

/// The folder that the file stands in, opened, and the file's name.
fn reach(workspace: &Path, path: &Path, making: Making) -> Result<(OwnedFd, std::ffi::OsString), No> {
    let outside = || No::Outside(format!("{} lies outside the workspace", path.display()));
    let root = workspace.canonicalize().map_err(|error| failed(workspace, &error))?;
    let real = free_of_links(path).ok_or_else(outside)?;
    let inner = real.strip_prefix(&root).map_err(|_| outside())?;
    let name = inner.file_name().ok_or_else(outside)?.to_owned();
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let mut folder = opened(nix::fcntl::open(&root, flags, Mode::empty()), path)?;
    for part in inner.parent().into_iter().flat_map(Path::components) {
        let part: &OsStr = part.as_os_str();
        let next = match openat(&folder, part, flags, Mode::empty()) {
            Err(Errno::ENOENT) if making == Making::Folders => {
                let made = mkdirat(&folder, part, Mode::from_bits_truncate(0o755));
                // Another may have made it meanwhile; whether it is a folder is seen when it is opened.
                made.or_else(|error| if error == Errno::EEXIST { Ok(()) } else { Err(error) })
                    .map_err(|error| failed(path, &error))?;
                openat(&folder, part, flags, Mode::empty())
            }
            next => next,
        };
        folder = opened(next, path)?;
    }
    Ok((folder, name))
}

/// The path without links, as far as it exists; `None` where what does not exist goes upwards.
fn free_of_links(path: &Path) -> Option<PathBuf> {
    let mut rest = Vec::new();
    let mut at = path;
    loop {
        // Whether a link stands there counts as well: where one leads nowhere, nothing may be made behind it.
        if at.symlink_metadata().is_ok() {
            let real = at.canonicalize().ok()?;
            return Some(rest.iter().rev().fold(real, |path, part| path.join(part)));
        }
        match at.components().next_back()? {
            Component::Normal(part) => rest.push(part),
            _ => return None,
        }
        at = at.parent()?;
    }
}

fn opened(fd: nix::Result<OwnedFd>, path: &Path) -> Result<OwnedFd, No> {
    fd.map_err(|error| failed(path, &error))
}

fn regular(file: &File, path: &Path) -> Result<(), No> {
    let kind = file.metadata().map_err(|error| failed(path, &error))?;
    if kind.is_file() { Ok(()) } else { Err(No::Failed(format!("{} is no file", path.display()))) }
}

fn failed(path: &Path, error: &dyn std::fmt::Display) -> No {
    No::Failed(format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::{fs, os::unix::fs::symlink};

    fn ask(path: &Path, content: &str) -> Value {
        json!({"path": path, "content": content})
    }

    #[test]
    fn files_of_the_workspace_are_read_and_written() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        let at = work.join("new/deep/a.txt");
        assert_eq!(write(&work, &ask(&at, "one\ntwo\nthree\n")), Ok(json!({})));
        assert_eq!(write(&work, &ask(&at, "1\n2\n3\n")), Ok(json!({})));
        assert_eq!(fs::read_to_string(&at).unwrap(), "1\n2\n3\n");
        assert_eq!(read(&work, &json!({"path": at})), Ok(json!({"content": "1\n2\n3\n"})));
        assert_eq!(read(&work, &json!({"path": at, "line": 2, "limit": 1})), Ok(json!({"content": "2\n"})));
        symlink("new/deep/a.txt", work.join("link")).unwrap();
        assert_eq!(read(&work, &json!({"path": work.join("link")})), Ok(json!({"content": "1\n2\n3\n"})));
        assert!(matches!(read(&work, &json!({"path": work.join("none")})), Err(No::Failed(_))));
        assert!(matches!(read(&work, &json!({"path": work.join("new")})), Err(No::Failed(_))));
        fs::write(work.join("bytes"), [0xff, 0xfe]).unwrap();
        assert!(matches!(read(&work, &json!({"path": work.join("bytes")})), Err(No::Failed(_))));
    }

    #[test]
    fn nothing_outside_is_reached_by_any_way() {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        fs::create_dir(&work).unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "s3cret").unwrap();
        symlink(&secret, work.join("out")).unwrap();
        symlink(folder.path(), work.join("up")).unwrap();
        symlink(folder.path().join("made"), work.join("nowhere")).unwrap();
        let ways = [
            secret.clone(),
            work.join("../secret"),
            work.join("out"),
            work.join("up/secret"),
            work.join("up/new"),
            work.join("nowhere"),
            work.join("none/../../secret"),
            work.clone(),
            PathBuf::from("/etc/hostname"),
            PathBuf::from("/"),
        ];
        for way in ways {
            assert!(matches!(read(&work, &json!({"path": way})), Err(No::Outside(_))), "{}", way.display());
            assert!(matches!(write(&work, &ask(&way, "x")), Err(No::Outside(_))), "{}", way.display());
        }
        assert!(matches!(read(&work, &json!({"path": "relative"})), Err(No::Failed(_))));
        assert_eq!(fs::read_to_string(&secret).unwrap(), "s3cret");
        let mut left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["secret", "work"]);
    }
}
