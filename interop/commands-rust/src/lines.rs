//! The carrier: one compact JSON object a line, over any two halves of a byte stream.

use std::pin::Pin;
use std::sync::Arc;

use coralstack_cmd_ipc::{ChannelError, CommandChannel, Message};
use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, Lines};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Mutex, watch};

type Reader = Pin<Box<dyn AsyncRead + Send>>;
type Writer = Pin<Box<dyn AsyncWrite + Send>>;
pub type Halves = (Reader, Writer);

/// Told of each message before the registry sees it.
pub type Observer = Arc<dyn Fn(&Message) + Send + Sync>;

pub struct LineChannel {
    id: String,
    outgoing: std::sync::Mutex<Option<UnboundedSender<String>>>,
    // `recv` is dropped and called again whenever a handler ends; what was read of a line survives that in Lines.
    incoming: Mutex<Lines<BufReader<Reader>>>,
    closing: watch::Sender<bool>,
    observer: Observer,
}

impl LineChannel {
    pub fn new(id: impl Into<String>, (reader, writer): Halves, observer: Observer) -> Arc<Self> {
        let (outgoing, queue) = unbounded_channel();
        tokio::spawn(write_lines(queue, writer));
        Arc::new(Self {
            id: id.into(),
            outgoing: std::sync::Mutex::new(Some(outgoing)),
            incoming: Mutex::new(BufReader::new(reader).lines()),
            closing: watch::channel(false).0,
            observer,
        })
    }

    async fn next_message(&self) -> Option<Message> {
        let mut lines = self.incoming.lock().await;
        loop {
            let line = lines.next_line().await.ok()??;
            if line.trim().is_empty() {
                continue;
            }
            match serde_json::from_str(&line) {
                Ok(message) => {
                    (self.observer)(&message);
                    return Some(message);
                }
                Err(error) => eprintln!("dropped a line: {error}"),
            }
        }
    }
}

impl CommandChannel for LineChannel {
    fn id(&self) -> &str {
        &self.id
    }

    fn start(&self) -> BoxFuture<'_, Result<(), ChannelError>> {
        Box::pin(async { Ok(()) })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            self.outgoing.lock().unwrap().take();
            self.closing.send_replace(true);
        })
    }

    fn send(&self, message: Message) -> Result<(), ChannelError> {
        let mut line = serde_json::to_string(&message).map_err(|e| ChannelError::Send(e.to_string()))?;
        line.push('\n');
        let outgoing = self.outgoing.lock().unwrap();
        let queue = outgoing.as_ref().ok_or(ChannelError::Closed)?;
        queue.send(line).map_err(|e| ChannelError::Send(e.to_string()))
    }

    fn recv(&self) -> BoxFuture<'_, Option<Message>> {
        Box::pin(async {
            let mut closing = self.closing.subscribe();
            tokio::select! {
                biased;
                _ = closing.wait_for(|is_closing| *is_closing) => None,
                message = self.next_message() => message,
            }
        })
    }
}

async fn write_lines(mut queue: UnboundedReceiver<String>, mut writer: Writer) {
    while let Some(mut lines) = queue.recv().await {
        while let Ok(more) = queue.try_recv() {
            lines.push_str(&more);
        }
        if writer.write_all(lines.as_bytes()).await.is_err() || writer.flush().await.is_err() {
            return;
        }
    }
    let _ = writer.shutdown().await;
}

// --- addresses: tcp:HOST:PORT, unix:PATH, stdio

fn tcp(stream: TcpStream) -> Halves {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    (Box::pin(reader), Box::pin(writer))
}

fn unix(stream: UnixStream) -> Halves {
    let (reader, writer) = stream.into_split();
    (Box::pin(reader), Box::pin(writer))
}

fn unknown(address: &str) -> std::io::Error {
    std::io::Error::other(format!("{address}: write tcp:HOST:PORT, unix:PATH or, to connect, stdio"))
}

pub async fn connect(address: &str) -> std::io::Result<Halves> {
    match address.split_once(':') {
        Some(("tcp", at)) => Ok(tcp(TcpStream::connect(at).await?)),
        Some(("unix", path)) => Ok(unix(UnixStream::connect(path).await?)),
        None if address == "stdio" => Ok((Box::pin(tokio::io::stdin()), Box::pin(tokio::io::stdout()))),
        _ => Err(unknown(address)),
    }
}

pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// The listener, and the address with the port that it got.
    pub async fn bind(address: &str) -> std::io::Result<(Self, String)> {
        match address.split_once(':') {
            Some(("tcp", at)) => {
                let listener = TcpListener::bind(at).await?;
                let bound = format!("tcp:{}", listener.local_addr()?);
                Ok((Self::Tcp(listener), bound))
            }
            Some(("unix", path)) => Ok((Self::Unix(UnixListener::bind(path)?), address.into())),
            _ => Err(unknown(address)),
        }
    }

    pub async fn accept(&self) -> std::io::Result<Halves> {
        match self {
            Self::Tcp(listener) => Ok(tcp(listener.accept().await?.0)),
            Self::Unix(listener) => Ok(unix(listener.accept().await?.0)),
        }
    }
}
