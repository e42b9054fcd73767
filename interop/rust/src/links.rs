//! Streams to the peer as links of roam, bare and for stable sessions.

use std::io;
use std::sync::Arc;

use roam::{
    Attachment, Backing, Link, LinkRx, LinkSource, LinkTx, MessageFamily, StableConduit, WriteSlot,
    prepare_acceptor_attachment,
};
use roam_stream::{LocalLink, LocalLinkAcceptor, StreamLink};
use roam_websocket::WsLink;
use tokio::net::{TcpListener, TcpStream};

use crate::settings::{Settings, Transport};

// --- one type for the links of three crates

/// A link of any transport. Its sending half can be shared, which a stable session of roam asks for and the links of the
/// published crates cannot.
pub enum AnyLink {
    Tcp(StreamLink<tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf>),
    Unix(LocalLink),
    WebSocket(WsLink<TcpStream>),
}

#[derive(Clone)]
pub enum AnyTx {
    Stream(Arc<roam_stream::StreamLinkTx>),
    WebSocket(Arc<roam_websocket::WsLinkTx>),
}

pub enum AnyPermit {
    Stream(<roam_stream::StreamLinkTx as LinkTx>::Permit),
    WebSocket(<roam_websocket::WsLinkTx as LinkTx>::Permit),
}

pub enum AnySlot {
    Stream(roam_stream::StreamWriteSlot),
    WebSocket(roam_websocket::WsWriteSlot),
}

pub enum AnyRx {
    Tcp(<StreamLink<tokio::net::tcp::OwnedReadHalf, tokio::net::tcp::OwnedWriteHalf> as Link>::Rx),
    Unix(<LocalLink as Link>::Rx),
    WebSocket(<WsLink<TcpStream> as Link>::Rx),
}

impl Link for AnyLink {
    type Tx = AnyTx;
    type Rx = AnyRx;
    fn split(self) -> (AnyTx, AnyRx) {
        match self {
            AnyLink::Tcp(link) => {
                let (tx, rx) = link.split();
                (AnyTx::Stream(Arc::new(tx)), AnyRx::Tcp(rx))
            }
            AnyLink::Unix(link) => {
                let (tx, rx) = link.split();
                (AnyTx::Stream(Arc::new(tx)), AnyRx::Unix(rx))
            }
            AnyLink::WebSocket(link) => {
                let (tx, rx) = link.split();
                (AnyTx::WebSocket(Arc::new(tx)), AnyRx::WebSocket(rx))
            }
        }
    }
}

impl LinkTx for AnyTx {
    type Permit = AnyPermit;
    async fn reserve(&self) -> io::Result<AnyPermit> {
        Ok(match self {
            AnyTx::Stream(tx) => AnyPermit::Stream(tx.reserve().await?),
            AnyTx::WebSocket(tx) => AnyPermit::WebSocket(tx.reserve().await?),
        })
    }
    async fn close(self) -> io::Result<()> {
        // The last one to let go closes.
        match self {
            AnyTx::Stream(tx) => match Arc::try_unwrap(tx) {
                Ok(tx) => tx.close().await,
                Err(_) => Ok(()),
            },
            AnyTx::WebSocket(tx) => match Arc::try_unwrap(tx) {
                Ok(tx) => tx.close().await,
                Err(_) => Ok(()),
            },
        }
    }
}

impl roam::LinkTxPermit for AnyPermit {
    type Slot = AnySlot;
    fn alloc(self, len: usize) -> io::Result<AnySlot> {
        Ok(match self {
            AnyPermit::Stream(permit) => AnySlot::Stream(permit.alloc(len)?),
            AnyPermit::WebSocket(permit) => AnySlot::WebSocket(permit.alloc(len)?),
        })
    }
}

impl WriteSlot for AnySlot {
    fn as_mut_slice(&mut self) -> &mut [u8] {
        match self {
            AnySlot::Stream(slot) => slot.as_mut_slice(),
            AnySlot::WebSocket(slot) => slot.as_mut_slice(),
        }
    }
    fn commit(self) {
        match self {
            AnySlot::Stream(slot) => slot.commit(),
            AnySlot::WebSocket(slot) => slot.commit(),
        }
    }
}

impl LinkRx for AnyRx {
    type Error = io::Error;
    async fn recv(&mut self) -> io::Result<Option<Backing>> {
        match self {
            AnyRx::Tcp(rx) => rx.recv().await,
            AnyRx::Unix(rx) => rx.recv().await,
            AnyRx::WebSocket(rx) => rx.recv().await.map_err(io::Error::other),
        }
    }
}

// --- where they come from

pub enum Listener {
    Tcp(TcpListener),
    Unix(LocalLinkAcceptor),
    WebSocket(TcpListener),
}

impl Listener {
    /// And the address, as a peer is told.
    pub async fn bind(settings: &Settings) -> io::Result<(Self, String)> {
        if settings.transport == Transport::Unix {
            let acceptor = LocalLinkAcceptor::bind(settings.address.clone())?;
            return Ok((Listener::Unix(acceptor), settings.address.clone()));
        }
        let listener = TcpListener::bind(&settings.address).await?;
        let address = listener.local_addr()?.to_string();
        Ok(match settings.transport {
            Transport::WebSocket => (Listener::WebSocket(listener), address),
            _ => (Listener::Tcp(listener), address),
        })
    }
    pub async fn accept(&self) -> io::Result<AnyLink> {
        Ok(match self {
            Listener::Tcp(listener) => AnyLink::Tcp(StreamLink::tcp(listener.accept().await?.0)),
            Listener::Unix(acceptor) => AnyLink::Unix(acceptor.accept().await?),
            Listener::WebSocket(listener) => AnyLink::WebSocket(WsLink::server(listener.accept().await?.0).await?),
        })
    }
}

pub async fn dial(transport: Transport, address: &str) -> io::Result<AnyLink> {
    if transport == Transport::Unix {
        return Ok(AnyLink::Unix(LocalLink::connect(address).await?));
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    if transport == Transport::Tcp {
        return Ok(AnyLink::Tcp(StreamLink::tcp(stream)));
    }
    let (stream, _) = tokio_tungstenite::client_async(format!("ws://{address}/roam"), stream)
        .await
        .map_err(io::Error::other)?;
    Ok(AnyLink::WebSocket(WsLink::new(stream)))
}

// --- stable sessions

pub type Stable<S> = StableConduit<MessageFamily, S>;

/// Dials, and dials again as often as the link breaks.
pub struct Dialing {
    pub transport: Transport,
    pub address: String,
}

impl LinkSource for Dialing {
    type Link = AnyLink;
    async fn next_link(&mut self) -> io::Result<Attachment<AnyLink>> {
        Ok(Attachment::initiator(dial(self.transport, &self.address).await?))
    }
}

/// Takes the next one that comes, as often as the link breaks.
pub struct Accepting(pub Listener);

impl LinkSource for Accepting {
    type Link = roam::SplitLink<AnyTx, AnyRx>;
    async fn next_link(&mut self) -> io::Result<Attachment<Self::Link>> {
        // One that goes away before it has said anything is not the next one.
        loop {
            let link = self.0.accept().await?;
            if let Ok(attachment) = prepare_acceptor_attachment(link).await {
                return Ok(attachment);
            }
        }
    }
}
