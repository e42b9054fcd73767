//! One registry with its known commands, its channels and the events that it has heard.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coralstack_cmd_ipc::{CommandError, CommandRegistry, Config, DynCommand, DynEvent, Message};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::lines::{Halves, LineChannel, Listener, Observer};

pub const ROUTER: &str = "router";

#[derive(Clone)]
pub struct Peer {
    pub name: String,
    pub registry: CommandRegistry,
    heard: watch::Sender<Vec<Value>>,
    listens_to: Arc<Mutex<HashSet<String>>>,
    channels: Arc<AtomicUsize>,
}

impl Peer {
    pub fn new(name: &str, is_child: bool, request_ttl: Duration) -> Self {
        let registry = CommandRegistry::new(Config {
            id: Some(name.to_string()),
            router_channel: is_child.then(|| ROUTER.to_string()),
            request_ttl,
            ..Config::default()
        });
        Self {
            name: name.to_string(),
            registry,
            heard: watch::channel(Vec::new()).0,
            listens_to: Arc::default(),
            channels: Arc::default(),
        }
    }

    pub async fn add_router(&self, halves: Halves) -> Result<(), String> {
        self.add(ROUTER.into(), halves).await
    }

    pub async fn add_channel(&self, halves: Halves) -> Result<(), String> {
        let number = self.channels.fetch_add(1, Ordering::Relaxed) + 1;
        self.add(format!("peer-{number}"), halves).await
    }

    async fn add(&self, id: String, halves: Halves) -> Result<(), String> {
        let channel = LineChannel::new(id, halves, self.observer());
        let driver = self.registry.register_channel(channel).await.map_err(|e| e.to_string())?;
        tokio::spawn(driver);
        Ok(())
    }

    pub async fn accept_from(self, listener: Listener) {
        while let Ok(halves) = listener.accept().await {
            if let Err(error) = self.add_channel(halves).await {
                eprintln!("refused a connection: {error}");
            }
        }
    }

    /// The registry has no listener for every event, so one is put in place before the first of its id is delivered.
    fn observer(&self) -> Observer {
        let peer = self.clone();
        Arc::new(move |message| {
            if let Message::Event { event_id, .. } = message {
                peer.listen_to(event_id);
            }
        })
    }

    pub fn listen_to(&self, event: &str) {
        if !self.listens_to.lock().unwrap().insert(event.to_string()) {
            return;
        }
        let (heard, id) = (self.heard.clone(), event.to_string());
        let _stop = self.registry.on_dyn(event, move |payload| {
            heard.send_modify(|all| all.push(json!({"event": id, "payload": payload})));
        });
    }

    /// Every event so far, once there are so many.
    pub async fn events(&self, at_least: usize) -> Vec<Value> {
        let mut heard = self.heard.subscribe();
        match heard.wait_for(|all| all.len() >= at_least).await {
            Ok(all) => all.clone(),
            Err(_) => Vec::new(),
        }
    }

    pub fn emit(&self, event: &str, payload: Value) -> Result<(), CommandError> {
        self.listen_to(event);
        self.registry.emit(DynEvent::new(event, payload))
    }

    pub async fn register_echo(&self, id: &str) -> Result<(), CommandError> {
        let echo = DynCommand::new(id, |request: Value| async move { Ok(request) });
        self.registry.register_command(echo.description("Gives its request back")).await
    }

    pub async fn register_known(&self) -> Result<(), CommandError> {
        let id = |last: &str| format!("{}.{last}", self.name);
        self.register_echo(&id("echo")).await?;
        self.register_echo(&format!("_{}.private", self.name)).await?;

        let add = DynCommand::new(id("add"), |terms: Terms| async move { Ok(Sum { sum: terms.a + terms.b }) });
        let number = json!({"type": "number"});
        let add = add
            .description("Adds two numbers")
            .request_schema(json!({"type": "object", "properties": {"a": number, "b": number}, "required": ["a", "b"]}))
            .response_schema(json!({"type": "object", "properties": {"sum": number}, "required": ["sum"]}));
        self.registry.register_command(add).await?;

        let fail_id = id("fail");
        let fail = DynCommand::new(id("fail"), move |_: Value| {
            let command_id = fail_id.clone();
            async move { Err::<Value, _>(CommandError::Internal { command_id, message: "failed as asked".into() }) }
        });
        self.registry.register_command(fail.description("Always fails")).await?;

        let (emitter, started) = (self.clone(), id("slow.started"));
        let slow = DynCommand::new(id("slow"), move |request: Slow| {
            let _ = emitter.emit(&started, Value::Null);
            async move {
                tokio::time::sleep(Duration::from_millis(request.ms)).await;
                Ok(json!({"slept_ms": request.ms}))
            }
        });
        self.registry.register_command(slow.description("Emits that it has begun, and takes so long")).await?;

        let caller = self.registry.clone();
        let nested = DynCommand::new(id("nested"), move |inner: Nested| {
            let registry = caller.clone();
            async move { registry.execute_dyn(&inner.command, inner.request).await }
        });
        self.registry.register_command(nested.description("Executes another command")).await?;

        let void = DynCommand::new(id("void"), |_: ()| async { Ok(()) });
        self.registry.register_command(void.description("Takes and gives nothing")).await
    }
}

#[derive(Deserialize)]
struct Terms {
    a: f64,
    b: f64,
}

#[derive(Serialize)]
struct Sum {
    sum: f64,
}

#[derive(Deserialize)]
struct Slow {
    ms: u64,
}

#[derive(Deserialize)]
struct Nested {
    command: String,
    #[serde(default)]
    request: Value,
}

/// As it is on the wire, which the crate's own error does not say.
pub fn error_as_json(error: &CommandError) -> Value {
    let (code, message) = match error {
        CommandError::NotFound(message) => ("not_found", message.clone()),
        CommandError::InvalidRequest { message, .. } => ("invalid_request", message.clone()),
        CommandError::Internal { message, .. } => ("internal_error", message.clone()),
        CommandError::Timeout => ("timeout", error.to_string()),
        CommandError::ChannelDisconnected => ("channel_disconnected", error.to_string()),
        CommandError::DuplicateCommand(_) => ("duplicate_command", error.to_string()),
        _ => ("internal_error", error.to_string()),
    };
    json!({"code": code, "message": message})
}
