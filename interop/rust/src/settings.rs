//! What the environment asks for; the same variables as the other side has (`subject --help`).

use std::env;

#[derive(Clone, Copy, PartialEq)]
pub enum Transport {
    Tcp,
    Unix,
    WebSocket,
}

pub struct Settings {
    pub is_listening: bool,
    pub is_client: bool,
    pub is_stable: bool,
    pub transport: Transport,
    /// To listen at or to connect to: HOST:PORT, or a path.
    pub address: String,
    pub scenario: String,
}

fn variable(name: &str, otherwise: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| otherwise.into())
}

impl Settings {
    pub fn read() -> Result<Self, String> {
        let mode = variable("SUBJECT_MODE", "server");
        let (is_client, is_listening) = match mode.as_str() {
            "server" => (false, false),
            "client" => (true, false),
            "server-listen" => (false, true),
            "client-listen" => (true, true),
            _ => return Err(format!("SUBJECT_MODE is `{mode}`; it is server, client, server-listen or client-listen")),
        };
        let transport = match variable("SPEC_TRANSPORT", "tcp").as_str() {
            "tcp" => Transport::Tcp,
            "unix" => Transport::Unix,
            "ws" => Transport::WebSocket,
            other => return Err(format!("SPEC_TRANSPORT is `{other}`; it is tcp, unix or ws")),
        };
        let is_stable = match variable("SPEC_CONDUIT", "bare").as_str() {
            "bare" => false,
            "stable" => true,
            other => return Err(format!("SPEC_CONDUIT is `{other}`; it is bare or stable")),
        };
        let address = match (is_listening, transport) {
            (true, Transport::Unix) => variable("LISTEN_PATH", ""),
            (true, _) => format!("127.0.0.1:{}", variable("LISTEN_PORT", "0")),
            (false, _) => variable("PEER_ADDR", ""),
        };
        if address.is_empty() {
            return Err("PEER_ADDR or LISTEN_PATH is missing".into());
        }
        let scenario = variable("CLIENT_SCENARIO", "");
        if is_client && scenario.is_empty() {
            return Err("CLIENT_SCENARIO is missing".into());
        }
        Ok(Settings { is_listening, is_client, is_stable, transport, address, scenario })
    }
}
