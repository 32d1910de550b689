//! Against the client and the server of Python's standard library, which know nothing of ours. Skipped without python3, unless CI is set.

use super::server::echo;
use crate::bed::Running;
use evalrun::http::{Client, Limits, Request, post};
use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

fn script(name: &str) -> Option<Command> {
    let installed = Command::new("python3").arg("--version").stdout(Stdio::null()).status().is_ok();
    assert!(installed || std::env::var_os("CI").is_none(), "python3 is missing, and CI must not skip this");
    if !installed {
        println!("skipped: python3 is not installed");
        return None;
    }
    let mut command = Command::new("python3");
    command.args(["-I", &format!("{}/fixtures/http/{name}", env!("CARGO_MANIFEST_DIR"))]);
    Some(command)
}

#[tokio::test]
async fn the_client_understands_pythons_server() {
    let Some(mut command) = script("server.py") else { return };
    let mut running = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut port = String::new();
    BufReader::new(running.0.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let client = Client::new();
    for (path, status) in [("/close", 200), ("/chunked", 201), ("/length", 418)] {
        let url = format!("http://localhost:{}{path}", port.trim()).replace("localhost", "127.0.0.1");
        let request = Request { url, body: vec![b'x'; 5_000], ..Request::default() }.header("X-Word", "w");
        for reply in [
            post(request.clone()).await.unwrap(),
            client.post(request.clone()).await.unwrap(),
            client.post(request).await.unwrap(),
        ] {
            assert_eq!(
                (reply.status, String::from_utf8(reply.body).unwrap()),
                (status, format!("{path} w {}", "x".repeat(5_000)))
            );
        }
    }
}

#[tokio::test]
async fn pythons_client_understands_the_server() {
    let server = echo(Limits::default()).await;
    let Some(mut command) = script("client.py") else { return };
    command.arg(server.address().port().to_string());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    insta::assert_snapshot!(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ));
    server.stop().await;
}
