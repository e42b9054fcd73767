//! One side of a test between Parley and the published crates of roam 7.3: serves the Testbed, or calls it. Steered by
//! the environment, see settings.rs.

mod links;
mod scenarios;
mod settings;
mod testbed;

use std::process::ExitCode;

use links::{Accepting, Dialing, Listener, Stable, dial};
use roam::{MetadataEntry, MetadataFlags, MetadataValue, SessionHandle, acceptor, initiator};
use settings::Settings;
use testbed::{TestbedClient, TestbedDispatcher, TestbedService};
use tokio::sync::oneshot;

struct Opened {
    client: TestbedClient,
    #[allow(dead_code)] // keeps the session open
    session: SessionHandle,
    ended: oneshot::Receiver<()>,
}

fn metadata() -> Vec<MetadataEntry<'static>> {
    vec![MetadataEntry {
        key: "vox-service",
        value: MetadataValue::String("Testbed"),
        flags: MetadataFlags::NONE,
    }]
}

/// Either builder of a session, over whatever it stands on.
macro_rules! establish {
    ($builder:expr) => {{
        let (has_ended, ended) = oneshot::channel();
        let (client, session) = $builder
            .metadata(metadata())
            .spawn_fn(move |session| {
                tokio::spawn(async move {
                    session.await;
                    let _ = has_ended.send(());
                });
            })
            .establish::<TestbedClient>(TestbedDispatcher::new(TestbedService))
            .await
            .map_err(|error| format!("{error:?}"))?;
        Opened { client, session, ended }
    }};
}

async fn open(settings: &Settings) -> Result<Opened, String> {
    let told = |error: std::io::Error| error.to_string();
    if settings.is_listening {
        let (listener, address) = Listener::bind(settings).await.map_err(told)?;
        println!("LISTEN_ADDR={address}");
        if !settings.is_stable {
            return Ok(establish!(acceptor(listener.accept().await.map_err(told)?)));
        }
        let conduit = Stable::new(Accepting(listener)).await.map_err(|error| error.to_string())?;
        return Ok(establish!(acceptor(conduit)));
    }
    if !settings.is_stable {
        return Ok(establish!(initiator(dial(settings.transport, &settings.address).await.map_err(told)?)));
    }
    let source = Dialing { transport: settings.transport, address: settings.address.clone() };
    let conduit = Stable::new(source).await.map_err(|error| error.to_string())?;
    Ok(establish!(initiator(conduit)))
}

async fn run(settings: Settings) -> Result<(), String> {
    let opened = open(&settings).await?;
    if settings.is_client {
        scenarios::run(&settings.scenario, &opened.client).await?;
        drop(opened.client);
    }
    // A client that has let go of its session ends it; a server waits for the peer to do so.
    opened.ended.await.map_err(|_| "the session has no end".to_string())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let settings = match Settings::read() {
        Ok(settings) => settings,
        Err(wrong) => {
            eprintln!("roam_subject: {wrong}");
            return ExitCode::from(2);
        }
    };
    match run(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("roam_subject: {failed}");
            ExitCode::FAILURE
        }
    }
}
