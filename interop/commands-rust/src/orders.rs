//! What a test asks of a running peer: a JSON object a line, each answered by one with the same id.

use futures::future::join_all;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::lines::{self, Halves};
use crate::peer::{Peer, error_as_json};

/// Returns when it is told to quit, or when nobody gives orders any more.
pub async fn take_orders(peer: Peer, (reader, mut writer): Halves, hello: Value) {
    let (answers, mut queue) = unbounded_channel::<Value>();
    let _ = answers.send(hello);
    tokio::spawn(async move {
        while let Some(answer) = queue.recv().await {
            let _ = writer.write_all(format!("{answer}\n").as_bytes()).await;
            let _ = writer.flush().await;
        }
    });
    let mut orders = BufReader::new(reader).lines();
    while let Ok(Some(line)) = orders.next_line().await {
        let order: Value = match serde_json::from_str(&line) {
            Ok(order) => order,
            Err(error) => {
                eprintln!("not an order: {error}");
                continue;
            }
        };
        if order["do"] == "quit" {
            return;
        }
        tokio::spawn(follow(peer.clone(), order, answers.clone()));
    }
}

async fn follow(peer: Peer, order: Value, answers: UnboundedSender<Value>) {
    let mut answer = match carry_out(&peer, &order).await {
        Ok(fields) => fields,
        Err(error) => Map::from_iter([("ok".to_string(), json!(false)), ("error".to_string(), error)]),
    };
    answer.entry("ok").or_insert(json!(true));
    answer.insert("id".into(), order["id"].clone());
    let _ = answers.send(Value::Object(answer));
}

async fn carry_out(peer: &Peer, order: &Value) -> Result<Map<String, Value>, Value> {
    let text = |name: &str| order[name].as_str().unwrap_or_default();
    let fields = match text("do") {
        "execute" => {
            let executed = peer.registry.execute_dyn(text("command"), order["request"].clone()).await;
            json!({"result": executed.map_err(|e| error_as_json(&e))?})
        }
        "many" => many(peer, text("command"), order["count"].as_u64().unwrap_or(1)).await,
        "emit" => {
            peer.emit(text("event"), order["payload"].clone()).map_err(|e| error_as_json(&e))?;
            json!({})
        }
        "events" => json!({"events": peer.events(order["count"].as_u64().unwrap_or(0) as usize).await}),
        "list" => json!({"commands": peer.registry.list_commands()}),
        "register" => {
            peer.register_echo(text("command")).await.map_err(|e| error_as_json(&e))?;
            json!({})
        }
        "connect" => {
            let halves = lines::connect(text("address")).await.map_err(|e| failure(&e.to_string()))?;
            peer.add_channel(halves).await.map_err(|e| failure(&e))?;
            json!({})
        }
        other => return Err(json!({"code": "unsupported", "message": format!("this peer knows no order {other}")})),
    };
    Ok(fields.as_object().cloned().unwrap_or_default())
}

/// Calls an echo so many times, all of them in flight, and counts the right answers.
async fn many(peer: &Peer, command: &str, count: u64) -> Value {
    let calls = (0..count).map(|number| async move {
        let request = json!({"number": number});
        peer.registry.execute_dyn(command, request.clone()).await.is_ok_and(|result| result == request)
    });
    let right = join_all(calls).await.into_iter().filter(|is_right| *is_right).count();
    json!({"right": right})
}

fn failure(message: &str) -> Value {
    json!({"code": "internal_error", "message": message})
}
