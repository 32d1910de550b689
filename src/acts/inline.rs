//! Code in the line (`python -c`, `node -e`, `- <<EOF`): read for what it does to files.
//!
//! `python - <<EOF ... open("a.py", "w") ... EOF` is an edit of `a.py`; code that only opens a file and prints from it is a
//! read; code that only starts a test runner is a test; everything else is a run.

use crate::acts::line::Found;
use crate::model::act::Act;

pub(super) fn found(program: &str, code: &str) -> Found {
    let code = if code.len() > MAX_CODE { code.get(..MAX_CODE).unwrap_or("") } else { code };
    let files = files(code);
    let writes = WRITES.iter().any(|call| code.contains(call)) || !files.written.is_empty();
    if writes {
        return Found::new(program, Act::Edit).reads(files.read).writes(files.written);
    }
    if TEST_CALLS.iter().any(|call| code.contains(call)) {
        return Found::new(program, Act::Test);
    }
    let prints = PRINTS.iter().any(|call| code.contains(call));
    if !files.read.is_empty() && !works(code) {
        return Found::new(program, Act::Read).reads(files.read);
    }
    if files.read.is_empty()
        && PROBES.iter().any(|call| code.contains(call))
        && code.len() < 160
        && (prints || !code.contains('('))
    {
        return Found::new(program, Act::Other).sub("probe");
    }
    Found::new(program, Act::Run).reads(files.read)
}

const MAX_CODE: usize = 64 * 1024;

/// Each call of an opener looks through the code once more.
const MAX_CALLS: usize = 64;

const WRITES: &[&str] = &[
    ".write_text(",
    ".write_bytes(",
    "shutil.copy",
    "shutil.move",
    "shutil.rmtree",
    ".unlink(",
    "os.remove(",
    "os.rename(",
    "os.makedirs(",
    "os.mkdir(",
    "os.replace(",
    ".mkdir(",
    "writeFile(",
    "writeFileSync(",
    "appendFile(",
    "appendFileSync(",
    "unlinkSync(",
    "rmSync(",
    "renameSync(",
    "mkdirSync(",
    "cpSync(",
    "copyFileSync(",
    "File.write(",
    "IO.write(",
    "File.delete(",
    "FileUtils.",
    "file_put_contents(",
    "unlink(",
    "writeTextFile(",
    "Bun.write(",
    ".to_csv(",
    ".to_json(",
    ".savefig(",
    ".touch(",
    "createWriteStream(",
    "write.csv(",
    "writeLines(",
    "saveRDS(",
    "ggsave(",
    "write_csv(",
    "File.write!(",
    "to_excel(",
    "np.save(",
    "torch.save(",
];

const TEST_CALLS: &[&str] = &[
    "pytest.main(",
    "unittest.main(",
    "'pytest'",
    "\"pytest\"",
    "Pkg.test(",
    "testthat::",
    "devtools::test(",
    "test_dir(",
    "test_file(",
    "devtools::check(",
    "doctest.testmod(",
    "testmod(",
    "npm test",
    "npx jest",
    "npx vitest",
    "tinytest::",
    "unittest.TextTestRunner",
    "runTests(",
    "test_local(",
    "call_command('test'",
    "call_command(\"test\"",
];

const PRINTS: &[&str] = &["print", "console.log", "puts", "echo", "cat(", "IO.puts", "p ", "pp ", "process.stdout"];

const PROBES: &[&str] = &[
    "__version__",
    "sys.version",
    "process.version",
    "RUBY_VERSION",
    "phpversion(",
    "PHP_VERSION",
    "sys.executable",
    "platform.",
    "process.arch",
    "process.platform",
    "System.version",
    "VERSION",
    "R.version",
    "ini_get(",
    "sys.path",
    "cuda.is_available",
    "os.cpu_count",
    "os.environ",
    "getsitepackages",
    "__file__",
    "packageVersion(",
    "sessionInfo(",
];

/// Calls that make a piece of code more than a look at a file.
const WORK: &[&str] = &[
    "subprocess",
    "requests.",
    "urllib",
    "http",
    "socket",
    "execSync",
    "spawn(",
    "fetch(",
    "os.system(",
    "exec(",
    "eval(",
    "sqlite3",
    "import torch",
    "import numpy",
    "import pandas",
    "from src",
    "import src",
    "assert ",
    "threading",
    "asyncio",
];

fn works(code: &str) -> bool {
    WORK.iter().any(|call| code.contains(call))
}

#[derive(Default)]
struct Files {
    read: Vec<String>,
    written: Vec<String>,
}

/// Calls whose first argument is a file; `true` where they write it.
const OPENERS: &[(&str, bool)] = &[
    ("open(", false),
    ("Path(", false),
    ("readFileSync(", false),
    ("readFile(", false),
    ("writeFileSync(", true),
    ("writeFile(", true),
    ("appendFileSync(", true),
    ("appendFile(", true),
    ("unlinkSync(", true),
    ("rmSync(", true),
    ("mkdirSync(", true),
    ("createWriteStream(", true),
    ("os.remove(", true),
    ("os.makedirs(", true),
    ("os.mkdir(", true),
    ("shutil.rmtree(", true),
    ("File.read(", false),
    ("File.readlines(", false),
    ("IO.read(", false),
    ("File.read!(", false),
    ("File.write(", true),
    ("File.write!(", true),
    ("IO.write(", true),
    ("File.delete(", true),
    ("file_get_contents(", false),
    ("file_put_contents(", true),
    ("json_decode(file_get_contents(", false),
    ("readTextFile(", false),
    ("writeTextFile(", true),
    ("readLines(", false),
    ("read.csv(", false),
    ("read_csv(", false),
    ("YAML.load_file(", false),
    ("require(", false),
    ("Bun.file(", false),
    ("Bun.write(", true),
    ("JSON.parse(File.read(", false),
];

fn files(code: &str) -> Files {
    let mut files = Files::default();
    let mut found: Vec<(usize, &str, bool)> = Vec::new();
    for (opener, writes) in OPENERS {
        found.extend(code.match_indices(opener).map(|(at, _)| (at + opener.len(), *opener, *writes)));
    }
    found.sort_unstable();
    found.truncate(MAX_CALLS);
    for (at, opener, writes) in found {
        let Some((path, rest)) = argument(code, at) else { continue };
        if opener == "require(" && !path.contains(['.', '/']) || path.len() > 300 {
            continue;
        }
        let mode_writes = opener == "open(" && opens_to_write(rest);
        let path_writes = opener == "Path(" && writes_later(code, at, rest);
        let list = if writes || mode_writes || path_writes { &mut files.written } else { &mut files.read };
        if !list.contains(&path) {
            list.push(path);
        }
    }
    files
}

/// A literal, or a name that was bound to one; and the text behind it.
fn argument(code: &str, at: usize) -> Option<(String, &str)> {
    let rest = code.get(at..)?.trim_start_matches([' ', 'r', 'f', 'b']);
    let quote = rest.chars().next()?;
    if matches!(quote, '\'' | '"' | '`') {
        let inner = &rest[1..];
        let end = inner.find(quote)?;
        return Some((inner[..end].to_owned(), &inner[end + 1..]));
    }
    let rest = code.get(at..)?;
    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let name = &rest[..end];
    if name.is_empty() {
        return None;
    }
    ["", "Path(", "pathlib.Path("].iter().find_map(|around| {
        ["\"", "'"].iter().find_map(|quote| {
            [" = ", "="].iter().find_map(|equals| {
                let pattern = format!("{name}{equals}{around}{quote}");
                let start = code.find(&pattern)? + pattern.len();
                let length = code[start..].find(quote)?;
                Some((code[start..start + length].to_owned(), &rest[end..]))
            })
        })
    })
}

/// `, "w")`, `, mode='a')`
fn opens_to_write(rest: &str) -> bool {
    let call = rest.split(')').next().unwrap_or("");
    let mode = call.trim_start().strip_prefix(',').map(str::trim_start).unwrap_or("");
    let mode = mode.strip_prefix("mode=").unwrap_or(mode);
    let letters = mode.trim_start_matches(['\'', '"']);
    mode.starts_with(['\'', '"'])
        && (letters.starts_with(['w', 'a', 'x']) || letters.starts_with("r+") || letters.starts_with("rb+"))
}

/// `Path("a").write_text(...)`, or a name bound to it and written later.
fn writes_later(code: &str, at: usize, rest: &str) -> bool {
    let chained = rest.trim_start_matches(')');
    let calls = [".write_text(", ".write_bytes(", ".unlink(", ".touch(", ".mkdir(", ".rename("];
    if calls.iter().any(|call| chained.starts_with(call)) {
        return true;
    }
    bound_name(code, at).is_some_and(|name| calls.iter().any(|call| code.contains(&format!("{name}{call}"))))
}

/// The name that the call at this place is bound to.
fn bound_name(code: &str, at: usize) -> Option<&str> {
    let line_start = code[..at].rfind(['\n', ';']).map_or(0, |found| found + 1);
    let (name, _) = code[line_start..at].split_once('=')?;
    Some(name.trim()).filter(|name| !name.is_empty() && name.len() < 40)
}
