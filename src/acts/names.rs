//! Names of programs: `./node_modules/.bin/eslint`, `ruff@0.6.9`, `python3.11`, `C:\tools\gradlew.bat`.

use crate::acts::table::{Program, Table};

/// The last part of a path, without a version or an executable's ending.
pub(super) fn base(word: &str) -> &str {
    let path = word.rsplit(['/', '\\']).next().unwrap_or(word);
    let path = if path.is_empty() { word } else { path };
    let unversioned = match path.char_indices().skip(1).find(|(_, c)| *c == '@') {
        Some((at, _)) => &path[..at],
        None => path,
    };
    let lower = [".exe", ".cmd", ".bat"].iter().find(|ending| {
        unversioned.len() > ending.len()
            && unversioned.is_char_boundary(unversioned.len() - ending.len())
            && unversioned[unversioned.len() - ending.len()..].eq_ignore_ascii_case(ending)
    });
    lower.map_or(unversioned, |ending| &unversioned[..unversioned.len() - ending.len()])
}

/// `NAME=value` in front of a command inside a wrapper.
pub(super) fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The program of the table that a word names, and the name to show.
pub(super) fn lookup<'a, 't>(word: &'a str, base: &'a str, table: &'t Table) -> Option<(&'a str, &'t Program)> {
    if let Some(program) = table.program(base) {
        return Some((base, program));
    }
    if let Some((scope, alias)) = SCOPED.iter().find(|(scope, _)| word.starts_with(scope))
        && word[scope.len()..].chars().next().is_none_or(|c| c == '@')
    {
        return table.program(alias).map(|program| (*alias, &**program));
    }
    if let Some(variable) = word.strip_prefix('$') {
        let variable = variable.trim_matches(['{', '}']);
        return table.program(&variable.to_ascii_lowercase()).map(|program| (variable, &**program));
    }
    let bare = base.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').trim_end_matches('-');
    if bare.len() < base.len()
        && !bare.is_empty()
        && let Some(program) = table.program(bare)
    {
        return Some((bare, program));
    }
    unusual_case(base, table)
}

/// cmd and PowerShell do not mind case.
fn unusual_case<'a, 't>(base: &'a str, table: &'t Table) -> Option<(&'a str, &'t Program)> {
    if !base.contains(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    table.program(&base.to_ascii_lowercase()).map(|program| (base, &**program))
}

/// A script or binary of the project, by its path or its ending. What was installed would stand in the table.
pub(super) fn is_of_project(word: &str) -> bool {
    const INSTALLED: &[&str] = &["node_modules/", "vendor/bin/", "venv/bin/"];
    const SYSTEM: &[&str] = &["/usr/", "/bin/", "/sbin/", "/opt/"];
    const ENDINGS: &[&str] =
        &[".sh", ".bash", ".py", ".js", ".mjs", ".ts", ".rb", ".pl", ".php", ".ps1", ".bat", ".cmd", ".exe", ".jar"];
    let is_path = word.contains(['/', '\\']);
    let installed =
        INSTALLED.iter().any(|part| word.contains(part)) || SYSTEM.iter().any(|start| word.starts_with(start));
    (is_path && !installed) || ENDINGS.iter().any(|ending| word.len() > ending.len() && word.ends_with(ending))
}

/// Packages whose last part is only `cli`.
const SCOPED: &[(&str, &str)] = &[
    ("@angular/cli", "ng"),
    ("@nestjs/cli", "nest"),
    ("@redocly/cli", "redocly"),
    ("@openapitools/openapi-generator-cli", "openapi-generator-cli"),
    ("@graphql-codegen/cli", "graphql-codegen"),
    ("@changesets/cli", "changeset"),
    ("@ionic/cli", "ionic"),
    ("@vue/cli", "vue-cli-service"),
    ("@biomejs/biome", "biome"),
    ("@playwright/test", "playwright"),
    ("@stryker-mutator/core", "stryker"),
    ("@commitlint/cli", "commitlint"),
    ("@tailwindcss/cli", "tailwindcss"),
    ("@anthropic-ai/claude-code", "claude"),
    ("@openai/codex", "codex"),
    ("@google/gemini-cli", "gemini"),
    ("@arethetypeswrong/cli", "attw"),
    ("@sentry/cli", "sentry-cli"),
    ("@tauri-apps/cli", "tauri"),
    ("@expo/cli", "expo"),
    ("@11ty/eleventy", "eleventy"),
    ("@lhci/cli", "lhci"),
    ("@vscode/vsce", "vsce"),
    ("@storybook/cli", "storybook"),
    ("@capacitor/cli", "cap"),
    ("@lingui/cli", "lingui"),
    ("@swc/cli", "swc"),
    ("@babel/cli", "babel"),
];
