//! Round trips a second of the crate: inside one registry, over its own pair, and over lines to a peer that runs
//! elsewhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use coralstack_cmd_ipc::InMemoryChannel;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};

use crate::lines;
use crate::peer::{Peer, ROUTER};

const WARM_UP: Duration = Duration::from_millis(200);
const MEASURED: Duration = Duration::from_secs(1);

pub async fn run(arguments: &[String]) -> Result<(), String> {
    let mut rows = Vec::new();
    match arguments {
        [] => {
            let peer = Peer::new("bench", false, Duration::from_secs(30));
            peer.register_known().await.map_err(|e| e.to_string())?;
            rows.push(measure("local", &peer, "bench.add", 1).await?);
            let child = pair(&peer).await?;
            for in_flight in [1, 64] {
                rows.push(measure("pair", &child, "bench.add", in_flight).await?);
            }
        }
        [address, command] => {
            let peer = Peer::new("client", true, Duration::from_secs(30));
            peer.add_router(lines::connect(address).await.map_err(|e| e.to_string())?).await?;
            let carrier = address.split(':').next().unwrap_or_default();
            for in_flight in [1, 64] {
                rows.push(measure(carrier, &peer, command, in_flight).await?);
            }
        }
        _ => return Err("usage: commands_peer --bench [ADDRESS COMMAND]".into()),
    }
    println!("{}", json!({"peer": "rust", "rows": rows}));
    Ok(())
}

/// A child of that root, on the crate's own in-memory channel.
async fn pair(root: &Peer) -> Result<Peer, String> {
    let (down, up) = InMemoryChannel::pair("child", ROUTER);
    let child = Peer::new("child", true, Duration::from_secs(30));
    for (peer, channel) in [(root, down), (&child, up)] {
        let driver = peer.registry.register_channel(channel).await.map_err(|e| e.to_string())?;
        tokio::spawn(driver);
    }
    Ok(child)
}

async fn measure(path: &str, peer: &Peer, command: &str, in_flight: usize) -> Result<Value, String> {
    let peer = Arc::new(peer.clone());
    call_for(WARM_UP, &peer, command, in_flight).await?;
    let begun = Instant::now();
    let mut micros = call_for(MEASURED, &peer, command, in_flight).await?;
    let seconds = begun.elapsed().as_secs_f64();
    micros.sort_by(f64::total_cmp);
    let at = |part: f64| (micros[((micros.len() - 1) as f64 * part) as usize] * 100.0).round() / 100.0;
    let rate = micros.len() as f64 / seconds;
    Ok(json!({"path": path, "in_flight": in_flight, "per_second": rate.round(), "p50_us": at(0.5), "p99_us": at(0.99)}))
}

async fn call_for(duration: Duration, peer: &Arc<Peer>, command: &str, in_flight: usize) -> Result<Vec<f64>, String> {
    let end = Instant::now() + duration;
    let one = |number: usize| {
        let peer = peer.clone();
        async move {
            let begun = Instant::now();
            let result = peer.registry.execute_dyn(command, json!({"a": number, "b": 1})).await;
            let micros = begun.elapsed().as_secs_f64() * 1e6;
            match result {
                Ok(value) if value["sum"].as_f64() == Some(number as f64 + 1.0) => Ok(micros),
                Ok(value) => Err(format!("{command} answered {value}")),
                Err(error) => Err(format!("{command}: {error}")),
            }
        }
    };
    let mut running: FuturesUnordered<_> = (0..in_flight).map(one).collect();
    let mut times = Vec::with_capacity(1 << 20);
    while let Some(micros) = running.next().await {
        times.push(micros?);
        if Instant::now() < end {
            running.push(one(times.len()));
        }
    }
    Ok(times)
}
