//! A cmd-ipc registry of the published crate as a program, steered by the environment and by orders on its standard
//! input.

mod bench;
mod lines;
mod orders;
mod peer;
mod settings;

use std::sync::Arc;

use coralstack_cmd_ipc_mcp::McpServerChannel;
use serde_json::json;

use crate::lines::Listener;
use crate::peer::Peer;
use crate::settings::{Role, Settings};

async fn run(settings: Settings) -> Result<(), String> {
    let is_child = settings.role == Role::Child;
    let peer = Peer::new(&settings.name, is_child, settings.request_ttl);
    let mut connect = settings.connect.iter();
    if is_child {
        let address = connect.next().ok_or("a child needs its router's address in PEER_CONNECT")?;
        peer.add_router(dial(address).await?).await?;
    }
    peer.register_known().await.map_err(|e| e.to_string())?;
    if settings.role == Role::Mcp {
        return serve_mcp(peer).await;
    }
    let mut listens = Vec::new();
    for address in &settings.listen {
        let (listener, bound) = Listener::bind(address).await.map_err(|e| format!("{address}: {e}"))?;
        tokio::spawn(peer.clone().accept_from(listener));
        listens.push(bound);
    }
    for address in connect {
        peer.add_channel(dial(address).await?).await?;
    }
    let hello = json!({"ready": true, "listens": listens});
    match settings.orders {
        Some(address) => orders::take_orders(peer, dial(&address).await?, hello).await,
        // The protocol has the standard streams to itself, and the peer lives as long as its process is let live.
        None if settings.connect.iter().any(|address| address == "stdio") => std::future::pending().await,
        None => orders::take_orders(peer, dial("stdio").await?, hello).await,
    }
    Ok(())
}

async fn dial(address: &str) -> Result<lines::Halves, String> {
    lines::connect(address).await.map_err(|e| format!("{address}: {e}"))
}

async fn serve_mcp(peer: Peer) -> Result<(), String> {
    let channel = Arc::new(McpServerChannel::new("mcp"));
    let driver = peer.registry.register_channel(channel.clone()).await.map_err(|e| e.to_string())?;
    tokio::spawn(driver);
    channel.serve_stdio().await.map_err(|e| e.to_string())
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let work = async {
        match arguments.first().map(String::as_str) {
            None => run(Settings::from_environment()?).await,
            Some("--bench") => bench::run(&arguments[1..]).await,
            Some(_) => Err("usage: commands_peer [--bench [ADDRESS COMMAND]]".into()),
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let code = match runtime.block_on(work) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("commands_peer: {error}");
            1
        }
    };
    // Not by returning: the thread that reads the standard input would be waited for.
    std::process::exit(code);
}
