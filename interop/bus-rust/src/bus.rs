//! What the orders do with the crate. A subscription and a worker have a connection of their own.

use std::time::Duration;

use futures::executor::block_on;
use liminal_bus_protocol::{WorkerActivityDescriptor, WorkerRegistration};
use liminal_sdk::{
    ChannelHandle, ConnectionPoolConfig, ConversationHandle, ConversationId, PressureResponse, PushClient, RemoteChannelHandle,
    RemoteConfig, RemoteConversationHandle, SchemaMetadata, SchemaValidate, SdkError, SubscriptionStream,
    WebSocketSubscriptionStream,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

// Ends what hangs; whoever gives the orders has ended it earlier.
const WAIT_MAX: Duration = Duration::from_secs(120);

type Failure = (&'static str, String);

fn failed(error: SdkError) -> Failure {
    let code = match error {
        SdkError::Connection { .. } => "connection",
        SdkError::Protocol { .. } => "protocol",
        SdkError::Backpressure { .. } => "backpressure",
        SdkError::Conversation { .. } => "conversation",
        SdkError::WorkerRefused { .. } => "worker_refused",
        _ => "other",
    };
    (code, error.to_string())
}

/// Any JSON, of no schema.
struct Message(Value);

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl SchemaValidate for Message {
    fn schema_metadata() -> SchemaMetadata {
        SchemaMetadata::new("any", "1", Vec::new())
    }
}

enum Subscription {
    Stream(SubscriptionStream),
    WebSocket(WebSocketSubscriptionStream),
}

#[derive(Default)]
pub struct Bus {
    connected: Option<RemoteConfig>,
    subscription: Option<Subscription>,
    worker: Option<PushClient>,
}

impl Bus {
    pub fn follow(&mut self, order: &Value) -> Result<Value, Failure> {
        let text = |name: &str| order[name].as_str().unwrap_or_default();
        match text("do") {
            "connect" => self.connect(text("address"), text("token")),
            "publish" => self.publish(text("topic"), &order["message"], order["key"].as_str()),
            "subscribe" => self.subscribe(text("address"), text("token"), text("topic")),
            "next" => self.next(),
            "request" => self.request(text("subject"), &order["message"]),
            "send" => self.conversation(text("subject"))?.send(&order["message"]).map_err(failed).map(|()| json!({})),
            "register" => self.register(text("address"), text("token"), &order["worker"]),
            "pushed" => self.pushed(),
            "reply" => self.reply(&order["correlation"], text("payload")),
            "publish_as_worker" => self.publish_as_worker(text("topic"), text("payload")),
            "leave" => {
                self.worker = None;
                Ok(json!({}))
            }
            other => Err(("unsupported", format!("this peer knows no order {other}"))),
        }
    }

    fn connect(&mut self, address: &str, token: &str) -> Result<Value, Failure> {
        let pool = ConnectionPoolConfig::new(1, 5000, 16);
        let config = RemoteConfig::new(address, "none", "none", pool).map_err(failed)?;
        let connected = match address.starts_with("ws:") {
            true => config.connect_websocket_with_auth(token.as_bytes()),
            false => config.connect_tcp_with_auth(token.as_bytes()),
        };
        let connected = connected.map_err(failed)?;
        let version = RemoteChannelHandle::new(&connected).map_err(failed)?.negotiated_version();
        self.connected = Some(connected);
        Ok(json!({"version": version.map(|v| vec![v.major, v.minor])}))
    }

    fn config(&self) -> Result<RemoteConfig, Failure> {
        self.connected.clone().ok_or(("connection", "it is not connected".into()))
    }

    fn publish(&self, topic: &str, message: &Value, key: Option<&str>) -> Result<Value, Failure> {
        let mut config = self.config()?;
        config.channel_name = topic.into();
        let channel = RemoteChannelHandle::new(&config).map_err(failed)?;
        let message = Message(message.clone());
        let (pressure, is_delivered) = match key {
            None => (channel.publish(message).map_err(failed)?, None),
            Some(key) => {
                let ack = channel.publish_with_idempotency_key(&message, key).map_err(failed)?;
                (ack.pressure().clone(), Some(ack.is_accepted()))
            }
        };
        match pressure {
            PressureResponse::Accept => Ok(json!({"delivered": is_delivered})),
            PressureResponse::Defer { .. } => Err(("defer", String::new())),
            PressureResponse::Reject { reason } => Err(("reject", reason)),
        }
    }

    fn subscribe(&mut self, address: &str, token: &str, topic: &str) -> Result<Value, Failure> {
        let token = token.as_bytes();
        self.subscription = Some(match address.starts_with("ws:") {
            true => WebSocketSubscriptionStream::open_with_auth(address, topic, Vec::new(), token)
                .map(Subscription::WebSocket)
                .map_err(failed)?,
            false => SubscriptionStream::open_with_auth(address, topic, Vec::new(), token)
                .map(Subscription::Stream)
                .map_err(failed)?,
        });
        Ok(json!({}))
    }

    fn next(&self) -> Result<Value, Failure> {
        let payload = match &self.subscription {
            None => return Err(("connection", "it has no subscription".into())),
            Some(Subscription::Stream(stream)) => stream.recv_timeout(WAIT_MAX).map_err(failed)?.into_payload(),
            Some(Subscription::WebSocket(stream)) => stream.recv_timeout(WAIT_MAX).map_err(failed)?.into_payload(),
        };
        Ok(json!({"payload": String::from_utf8_lossy(&payload)}))
    }

    fn conversation(&self, subject: &str) -> Result<RemoteConversationHandle, Failure> {
        let mut config = self.config()?;
        config.conversation_id = ConversationId::new(subject);
        Ok(RemoteConversationHandle::new(&config))
    }

    fn request(&self, subject: &str, message: &Value) -> Result<Value, Failure> {
        let conversation = self.conversation(subject)?;
        conversation.request(message).map_err(failed)?;
        let reply: Value = block_on(conversation.receive()).map_err(failed)?;
        Ok(json!({"reply": reply}))
    }

    fn register(&mut self, address: &str, token: &str, worker: &Value) -> Result<Value, Failure> {
        let texts = |name: &str| -> Vec<String> {
            worker[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(String::from).collect()
        };
        let text = |name: &str| worker[name].as_str().unwrap_or_default().to_string();
        let activity_types = texts("activity_types");
        let described = |name: &String| WorkerActivityDescriptor {
            name: name.clone(),
            input_schema_json: "{\"type\":\"object\"}".into(),
            output_schema_json: "{}".into(),
        };
        let registration = WorkerRegistration {
            namespaces: texts("namespaces"),
            task_queue: text("task_queue"),
            node: None,
            activities: activity_types.iter().map(described).collect(),
            activity_types,
            identity: text("identity"),
        };
        let client = PushClient::connect_with_registration_and_auth(address, registration, token.as_bytes());
        self.worker = Some(client.map_err(failed)?);
        Ok(json!({}))
    }

    fn worker(&self) -> Result<&PushClient, Failure> {
        self.worker.as_ref().ok_or(("connection", "it is no worker".into()))
    }

    fn pushed(&self) -> Result<Value, Failure> {
        let frame = self.worker()?.recv_timeout(WAIT_MAX).map_err(failed)?;
        Ok(json!({"correlation": frame.correlation_id(), "payload": String::from_utf8_lossy(frame.payload())}))
    }

    fn reply(&self, correlation: &Value, payload: &str) -> Result<Value, Failure> {
        let correlation = correlation.as_u64().ok_or(("unsupported", "a correlation is a number".to_string()))?;
        self.worker()?.reply(correlation, payload.as_bytes().to_vec()).map_err(failed)?;
        Ok(json!({}))
    }

    /// On the connection on which it is pushed to, and waits for what is said of it.
    fn publish_as_worker(&self, topic: &str, payload: &str) -> Result<Value, Failure> {
        let worker = self.worker()?;
        worker.publish(topic, payload.as_bytes().to_vec()).map_err(failed)?;
        let flushed = worker.flush().map_err(failed)?;
        let failures: Vec<_> = flushed.failures().iter().map(|f| f.message().unwrap_or_default().to_string()).collect();
        Ok(json!({"is_accepted": flushed.is_proven_accepted(), "failures": failures}))
    }
}
