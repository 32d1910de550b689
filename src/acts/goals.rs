//! How build tools name what they are asked to do.
//!
//! `mvn clean verify`, `gradle :app:testDebugUnitTest`, `sbt "testOnly *X"`, `make -j8 check`: each tool has its own words,
//! and several in one call are named by the weightiest: test, build, lint, run.

use crate::acts::classify::Call;
use crate::acts::line::Site;
use crate::acts::names;
use crate::acts::table::{Scheme, What, is_flag};
use crate::acts::tasks::{by_name, parts, rewrites};
use crate::model::act::Act;

pub(super) fn weightiest(call: &Call, scheme: Scheme, site: &Site) -> (Act, Option<&'static str>) {
    let goals = asked(call, scheme);
    if goals.is_empty() {
        return (without_goals(scheme), None);
    }
    let acts = goals.iter().map(|goal| one(goal, call, (scheme, site)));
    let act = acts.max_by_key(|act| weight(*act)).unwrap_or(Act::Run);
    let skipped = scheme == Scheme::Maven
        && call.argv.iter().any(|word| word.starts_with("-DskipTests") || word.starts_with("-Dmaven.test.skip"));
    let act = if skipped && act == Act::Test { Act::Build } else { act };
    let fixes = act == Act::Lint && goals.iter().any(|goal| rewrites(goal));
    (act, fixes.then_some("fix"))
}

pub(super) fn weight(act: Act) -> u8 {
    match act {
        Act::Test => 9,
        Act::Build => 8,
        Act::Lint => 7,
        Act::Run => 6,
        Act::Net | Act::Edit | Act::Vcs | Act::Delegate => 5,
        Act::List | Act::Read | Act::Search => 2,
        Act::Ask | Act::Plan | Act::Meta | Act::Other => 1,
    }
}

fn asked<'a>(call: &Call<'a>, scheme: Scheme) -> Vec<&'a str> {
    let dashes = call.args.dashes.unwrap_or(usize::MAX);
    let mut goals: Vec<&str> = call
        .args
        .operands
        .iter()
        .skip(call.words)
        .filter(|at| **at < dashes)
        .map(|at| call.argv[*at])
        .filter(|word| !names::is_assignment(word) && !word.starts_with('@'))
        .collect();
    match scheme {
        Scheme::Nx => {
            let targets: Vec<&str> = call.args.values_of(call.argv, &["-t", "--target", "--targets"]).collect();
            if !targets.is_empty() {
                goals.extend(targets.iter().flat_map(|names| names.split(',')));
            }
        }
        Scheme::Sbt => {
            goals = goals
                .into_iter()
                .flat_map(|goal| goal.split(';'))
                .map(str::trim)
                .filter(|goal| !goal.is_empty())
                .collect()
        }
        Scheme::Fastlane => goals.retain(|goal| !matches!(*goal, "ios" | "android" | "mac") && !goal.contains(':')),
        Scheme::Rake
        | Scheme::Plain
        | Scheme::Make
        | Scheme::Ninja
        | Scheme::Maven
        | Scheme::Gradle
        | Scheme::Mix
        | Scheme::Moon => {}
    }
    goals
}

fn without_goals(scheme: Scheme) -> Act {
    match scheme {
        Scheme::Make | Scheme::Ninja | Scheme::Maven => Act::Build,
        Scheme::Gradle => Act::Other,
        Scheme::Rake => Act::Test,
        Scheme::Sbt | Scheme::Mix | Scheme::Moon | Scheme::Fastlane => Act::Run,
        Scheme::Plain | Scheme::Nx => Act::List,
    }
}

fn one(goal: &str, call: &Call, how: (Scheme, &Site)) -> Act {
    let (scheme, site) = how;
    let bare = goal.trim_end_matches(',');
    if let Some(verdict) = call.program.rules.get(bare)
        && let What::Act(act) = verdict.what
        && !is_flag(bare)
    {
        return act;
    }
    match scheme {
        Scheme::Plain => by_name(goal, site.table),
        Scheme::Make => make(goal, site),
        Scheme::Ninja if goal == "clean" => Act::Other,
        Scheme::Ninja => match by_name(goal, site.table) {
            // `unit_tests` is a binary to be built; `test` and `run_tests` run.
            Act::Test if goal.ends_with("_tests") || goal.ends_with("_test") => {
                match parts(goal).first().map(String::as_str) {
                    Some("run" | "check" | "test") => Act::Test,
                    Some(_) | None => Act::Build,
                }
            }
            Act::Run if goal == "install" || goal.starts_with("run") => Act::Run,
            Act::Run => Act::Build,
            act => act,
        },
        Scheme::Maven => maven(goal),
        Scheme::Gradle => gradle(goal, site),
        Scheme::Sbt => sbt(goal, site),
        Scheme::Rake => rake(goal, site),
        Scheme::Nx => by_name(goal.split(':').nth(1).unwrap_or(goal), site.table),
        Scheme::Mix => by_name(bare.split('.').next().unwrap_or(bare), site.table),
        Scheme::Moon => by_name(goal.rsplit(':').next().unwrap_or(goal), site.table),
        Scheme::Fastlane => by_name(goal, site.table),
    }
}

fn make(goal: &str, site: &Site) -> Act {
    match goal {
        "check" | "distcheck" | "installcheck" if site.configured => Act::Test,
        "all" | "default" | "dist" | "package" | "distcheck" | "modules" | "image" | "binary" | "bin" | "html"
        | "pdf" | "latexpdf" => Act::Build,
        "clean" | "distclean" | "mrproper" | "help" => Act::Other,
        _ if goal.starts_with("clean") => Act::Other,
        _ if goal.contains('/') || goal.ends_with(".o") || goal.ends_with(".a") || goal.ends_with(".so") => Act::Build,
        _ => by_name(goal, site.table),
    }
}

fn maven(goal: &str) -> Act {
    match goal {
        "test" | "verify" | "integration-test" | "pre-integration-test" => Act::Test,
        "clean" | "validate" | "initialize" => Act::Other,
        "deploy" => Act::Run,
        "compile"
        | "test-compile"
        | "package"
        | "install"
        | "site"
        | "process-classes"
        | "generate-sources"
        | "process-resources"
        | "prepare-package"
        | "generate-test-sources"
        | "process-test-classes"
        | "generate-resources" => Act::Build,
        _ => {
            let (plugin, task) = goal.rsplit_once(':').unwrap_or((goal, ""));
            let plugin = plugin.rsplit(':').next().unwrap_or(plugin);
            plugin_goal(plugin, task)
        }
    }
}

fn plugin_goal(plugin: &str, task: &str) -> Act {
    let plugin = plugin.trim_end_matches("-maven-plugin").trim_start_matches("maven-");
    match (plugin, task) {
        ("surefire" | "failsafe" | "pitest" | "org.pitest" | "karma" | "scalatest" | "invoker", _) => Act::Test,
        ("dependency", "tree" | "list" | "analyze" | "build-classpath" | "analyze-only") | ("help", _) => Act::Other,
        ("dependency", _) | ("versions", "display-dependency-updates" | "display-plugin-updates") | ("wrapper", _) => {
            Act::Net
        }
        ("versions" | "archetype" | "release", _) => Act::Edit,
        (
            "spotless"
            | "checkstyle"
            | "pmd"
            | "spotbugs"
            | "findbugs"
            | "formatter"
            | "fmt"
            | "enforcer"
            | "ktlint"
            | "detekt"
            | "license"
            | "sortpom"
            | "com.diffplug.spotless"
            | "git-code-format"
            | "errorprone"
            | "impsort"
            | "xml-format",
            _,
        ) => Act::Lint,
        ("jacoco", "check") => Act::Lint,
        ("jacoco" | "site" | "sonar", _) if task != "jar" => Act::Other,
        (
            "compiler" | "jar" | "javadoc" | "assembly" | "shade" | "antlr4" | "protobuf" | "jib" | "resources" | "war"
            | "source" | "native" | "kotlin" | "jaxb2" | "openapi-generator" | "asciidoctor",
            _,
        ) => Act::Build,
        ("spring-boot" | "quarkus", "build-image" | "repackage" | "build") => Act::Build,
        ("quarkus", "test") => Act::Test,
        _ => Act::Run,
    }
}

/// `:app:testDebugUnitTest`, `compileTestKotlin`, `connectedCheck`
fn gradle(goal: &str, site: &Site) -> Act {
    let name = goal.rsplit(':').next().unwrap_or(goal);
    let words = parts(name);
    let first = words.first().map_or("", String::as_str);
    let has = |word: &str| words.iter().any(|part| part == word);
    match first {
        "clean" => Act::Other,
        "tasks" | "projects" => Act::List,
        "dependencies" | "properties" | "help" | "dependency" | "signing" | "version" if words.len() <= 2 => Act::Other,
        "check" | "connected" | "all"
            if first == "check" && words.len() == 1 || has("check") || has("tests") || has("test") =>
        {
            Act::Test
        }
        "compile" | "assemble" | "build" | "jar" | "boot" | "shadow" | "bundle" | "package" | "javadoc" | "dokka"
        | "classes" | "process" | "generate" | "war" | "dist" | "install" | "native" | "link" | "kapt" | "ksp"
        | "asciidoctor" | "fat" | "sources" => {
            if name == "bootRun" || name.starts_with("install") && name != "installDist" {
                Act::Run
            } else {
                Act::Build
            }
        }
        "ktlint" | "detekt" | "spotless" | "checkstyle" | "pmd" | "spotbugs" | "lint" | "format" | "spotbug"
        | "apicheck" | "api" | "error" | "verify" | "license" | "dependency" => Act::Lint,
        "publish" if name.ends_with("Local") => Act::Build,
        "publish" | "upload" => Act::Net,
        "jacoco" if has("verification") => Act::Lint,
        "jacoco" | "kover" if !has("verify") => Act::Other,
        _ if name == "testClasses" || name.ends_with("Classes") => Act::Build,
        _ if has("test") || has("tests") || has("spec") => Act::Test,
        _ => by_name(name, site.table),
    }
}

/// `testOnly foo.Bar`, `core/Test/compile`, `+publishLocal`, `project.test`
fn sbt(goal: &str, site: &Site) -> Act {
    let command = goal.split_whitespace().next().unwrap_or(goal);
    let joined: String =
        if goal.contains(" / ") { goal.split_whitespace().take(5).collect() } else { command.to_owned() };
    let last = joined.rsplit(['/', '.', ':']).next().unwrap_or(&joined).trim_start_matches('+');
    match last {
        "test" | "testOnly" | "testQuick" | "testCached" | "testLocal" | "coverage" | "mimaReportBinaryIssues" => {
            Act::Test
        }
        "compile" | "package" | "assembly" | "doc" | "stage" | "fastLinkJS" | "fullLinkJS" | "publishLocal"
        | "dist" | "jar" | "products" | "packageBin" | "fastOptJS" | "fullOptJS" | "docker" | "unidoc" => Act::Build,
        "clean" | "reload" | "project" | "set" | "dependencyTree" | "projects" | "show" | "inspect" | "exit"
        | "coverageReport" => Act::Other,
        "update" | "dependencyUpdates" | "publish" => Act::Net,
        "run" | "runMain" | "console" | "bgRun" => Act::Run,
        _ if last.starts_with("scalafmt")
            || last.starts_with("scalafix")
            || last.starts_with("wartremover")
            || last.starts_with("headerCheck") =>
        {
            Act::Lint
        }
        _ if last.starts_with("checkFormat") || last.starts_with("reformat") => Act::Lint,
        _ => by_name(last, site.table),
    }
}

/// `db:migrate` runs even where the name goes on with `test`.
fn rake(goal: &str, site: &Site) -> Act {
    let name = goal.split('[').next().unwrap_or(goal);
    match name.split(':').next().unwrap_or(name) {
        "db" | "log" | "tmp" | "jobs" | "data" | "secret" | "release" | "install" => Act::Run,
        "assets" if name.contains("precompile") => Act::Build,
        "clean" | "clobber" | "stats" | "routes" | "notes" | "about" => Act::Other,
        "default" => Act::Test,
        "g" | "generate" if call_is_generator(name) => Act::Edit,
        "zeitwerk" | "brakeman" | "standard" | "erb_lint" => Act::Lint,
        _ => by_name(name, site.table),
    }
}

fn call_is_generator(name: &str) -> bool {
    !name.contains(':')
}
