//! What the environment asks of this program; interop/README.md has the table.

use std::env;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Root,
    Child,
    Sibling,
    Mcp,
}

pub struct Settings {
    pub name: String,
    pub role: Role,
    pub listen: Vec<String>,
    pub connect: Vec<String>,
    pub orders: Option<String>,
    pub request_ttl: Duration,
}

impl Settings {
    pub fn from_environment() -> Result<Self, String> {
        let role = match variable("PEER_ROLE").as_deref().unwrap_or("root") {
            "root" => Role::Root,
            "child" => Role::Child,
            "sibling" => Role::Sibling,
            "mcp" => Role::Mcp,
            other => return Err(format!("PEER_ROLE is root, child, sibling or mcp, not {other}")),
        };
        let ttl_ms = variable("PEER_TTL_MS").unwrap_or_else(|| "30000".into());
        Ok(Self {
            name: variable("PEER_NAME").unwrap_or_else(|| "rust".into()),
            role,
            listen: addresses("PEER_LISTEN"),
            connect: addresses("PEER_CONNECT"),
            orders: variable("PEER_ORDERS"),
            request_ttl: Duration::from_millis(ttl_ms.parse().map_err(|_| "PEER_TTL_MS is a number")?),
        })
    }
}

fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn addresses(name: &str) -> Vec<String> {
    variable(name).map(|all| all.split(',').map(str::to_string).collect()).unwrap_or_default()
}
