//! A client of the published crate liminal-sdk as a program, steered by orders on its standard input: a JSON object a
//! line, each answered by one with the same id before the next is read.

mod bus;

use std::io::{BufRead, Write, stdin, stdout};

use serde_json::{Value, json};

use crate::bus::Bus;

fn main() {
    let mut out = stdout().lock();
    let mut say = |line: Value| {
        writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
    };
    if !say(json!({"ready": true, "listens": []})) {
        return;
    }
    let mut bus = Bus::default();
    for line in stdin().lock().lines().map_while(Result::ok) {
        let order: Value = serde_json::from_str(&line).expect("an order is JSON");
        let mut answer = match bus.follow(&order) {
            Ok(fields) => fields,
            Err((code, message)) => json!({"ok": false, "error": {"code": code, "message": message}}),
        };
        let ok = answer["error"].is_null();
        answer["ok"] = json!(ok);
        answer["id"] = order["id"].clone();
        if !say(answer) {
            return;
        }
    }
}
