//! The register of programs that read their operands in their own way, and small ways that fit nowhere else.

use crate::acts::classify::{self, Call, WAYS};
use crate::acts::goals;
use crate::acts::line::{Site, push};
use crate::acts::table::What;
use crate::acts::tasks;
use crate::model::act::{Act, Deed};

/// True where the program's own reader named the call.
pub(super) fn own_way(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    match call.program.how.as_str() {
        "" => false,
        "runner" | "mix" => runner(call, site, out),
        "recipes" => recipes(call, site, out),
        how => WAYS.iter().find(|(name, _)| *name == how).is_some_and(|(_, way)| way(call, site, out)),
    }
}

/// A rule for the first goal must not hide the others: `make clean test`.
fn runner(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let What::Names(_) = call.program.verdict.what else {
        return several_goals(call, site, out);
    };
    if call.words == 0 || call.args.operands.len() <= call.words {
        return false;
    }
    let whole = Call { words: 0, verdict: &call.program.verdict, ..*call };
    let settled = matches!(call.verdict.what, What::Act(Act::Edit | Act::Run | Act::Net | Act::Read | Act::List));
    if settled {
        return false;
    }
    classify::plain(&whole, site, out);
    true
}

/// `just build test`: where every word names a kind of task, they are several recipes; else the rest are arguments.
fn recipes(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let names = call.operands();
    if call.words > 0 || call.verdict.what != What::Task || names.len() < 2 {
        return false;
    }
    let acts: Option<Vec<Act>> = names.iter().map(|name| site.table.task_word(name)).collect();
    let Some(act) = acts.and_then(|acts| acts.into_iter().max_by_key(|act| goals::weight(*act))) else { return false };
    push(call.found(act), site, out);
    true
}

/// xcodebuild and its like: `clean test`.
fn several_goals(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let several = matches!(call.name, "xcodebuild" | "rebar3" | "mix");
    let joined = call.name == "mix" && call.args.operand(call.argv, 0) == Some("do");
    if !several || call.args.operands.len() < 2 || (call.name == "mix" && !joined) {
        return call.name == "mix" && call.words == 0 && mix_task(call, site, out);
    }
    let goals = call.args.operands_from(call.argv, usize::from(joined));
    let acts = goals.iter().filter_map(|goal| {
        let goal = goal.trim_end_matches(',');
        match call.program.rules.get(goal).map(|verdict| &verdict.what) {
            Some(What::Act(act)) => Some(*act),
            Some(_) | None => None,
        }
    });
    let Some(act) = acts.max_by_key(|act| goals::weight(*act)) else { return false };
    push(call.found(act), site, out);
    true
}

/// `mix phx.gen.html`, `mix ecto.migrate`, aliases of the project.
fn mix_task(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some(task) = call.args.operand(call.argv, 0) else { return false };
    let act = if task.contains(".gen.") || task.starts_with("gen.") {
        Act::Edit
    } else if task.starts_with("ecto.") || task.starts_with("phx.") {
        Act::Run
    } else {
        tasks::by_name(task, site.table)
    };
    push(call.found(act), site, out);
    true
}

/// `dotnet app.dll`, `dotnet watch --project x test`
pub(super) fn dotnet(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let operands = call.operands();
    let adds_package = call.words == 1
        && matches!(call.args.operand(call.argv, 0), Some("add" | "remove" | "list"))
        && operands.iter().any(|word| matches!(*word, "package" | "reference"));
    if adds_package {
        let verb = call.args.operand(call.argv, 0).unwrap_or("");
        let act = match verb {
            "list" if call.has(&["--outdated", "--vulnerable", "--deprecated"]) => Act::Net,
            "list" => Act::Other,
            _ if operands.contains(&"package") => Act::Net,
            _ => Act::Edit,
        };
        push(call.found(act), site, out);
        return true;
    }
    let sub_list = call.args.operand(call.argv, 0) == Some("sln") && operands.contains(&"list");
    if sub_list {
        push(call.found(Act::List), site, out);
        return true;
    }
    let Some(dll) = call.args.operand(call.argv, 0).filter(|_| call.words == 0) else { return false };
    push(call.found(tasks::of_script(dll, site.table).unwrap_or(Act::Run)), site, out);
    true
}

/// `swift script.swift`
pub(super) fn swift(call: &Call, site: &Site, out: &mut Vec<Deed>) -> bool {
    let Some(file) = call.args.operand(call.argv, 0).filter(|_| call.words == 0) else { return false };
    push(call.found(tasks::of_script(file, site.table).unwrap_or(Act::Run)), site, out);
    true
}
