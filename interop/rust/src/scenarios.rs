//! What a client of the Testbed does and expects, by the names that the other side has for it.

use std::fmt::Debug;

use roam::channel;

use crate::testbed::*;

type Verdict = Result<(), String>;

fn same<T: Debug + PartialEq, E: Debug>(what: &str, expected: T, got: Result<T, E>) -> Verdict {
    match got {
        Ok(got) if got == expected => Ok(()),
        got => {
            let mut told = format!("{what}: expected {expected:?}, got {got:?}");
            told.truncate(told.char_indices().nth(400).map_or(told.len(), |(end, _)| end));
            Err(told)
        }
    }
}

/// The method's own error.
fn refused<T: Debug, E: Debug + PartialEq>(
    what: &str,
    expected: E,
    got: Result<T, roam::RoamError<E>>,
) -> Verdict {
    match got {
        Err(roam::RoamError::User(error)) if error == expected => Ok(()),
        got => Err(format!("{what}: expected {expected:?}, got {got:?}")),
    }
}

// --- calls that give one thing

async fn binary_payload_sizes(client: &TestbedClient) -> Verdict {
    for size in [
        0, 1, 2, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 1023, 1024, 4095, 4096, 16383, 16384, 32768,
        65535, 65536, 131072, 262144, 524288, 1000000,
    ] {
        let data: Vec<u8> = (0..size).map(|i: usize| (i * 31 + i / 256) as u8).collect();
        let reversed = data.iter().rev().copied().collect();
        let got = client.process_message(Message::Data(data)).await;
        same(&format!("{size} bytes"), Message::Data(reversed), got)?;
    }
    Ok(())
}

async fn create_canvas(client: &TestbedClient) -> Verdict {
    let shapes = vec![Shape::Point, Shape::Circle { radius: 2.5 }];
    let expected = Canvas { name: "enum-canvas".into(), shapes: shapes.clone(), background: Color::Green };
    same("create_canvas", expected, client.create_canvas("enum-canvas".into(), shapes, Color::Green).await)
}

async fn create_person(client: &TestbedClient) -> Verdict {
    for (name, age, email) in [("Dave", 40, Some("dave@example.com".to_string())), ("Eve", 255, None)] {
        let expected = Person { name: name.into(), age, email: email.clone() };
        same("create_person", expected, client.create_person(name.into(), age, email).await)?;
    }
    Ok(())
}

async fn divide(client: &TestbedClient) -> Verdict {
    same("divide", 3, client.divide(10, 3).await)?;
    refused("divide by zero", MathError::DivisionByZero, client.divide(10, 0).await)?;
    refused("divide the lowest", MathError::Overflow, client.divide(i64::MIN, -1).await)
}

async fn echo(client: &TestbedClient) -> Verdict {
    same("echo", "hello from client".to_string(), client.echo("hello from client".into()).await)
}

async fn echo_point(client: &TestbedClient) -> Verdict {
    for point in [Point { x: 42, y: -17 }, Point { x: i32::MIN, y: i32::MAX }] {
        same("echo_point", point.clone(), client.echo_point(point).await)?;
    }
    Ok(())
}

async fn echoes(client: &TestbedClient) -> Verdict {
    for data in [vec![], vec![0, 255, 128], vec![7; 5000]] {
        same("echo_bytes", data.clone(), client.echo_bytes(data).await)?;
    }
    for value in [true, false] {
        same("echo_bool", value, client.echo_bool(value).await)?;
    }
    for value in [0, 127, 128, u64::MAX] {
        same("echo_u64", value, client.echo_u64(value).await)?;
    }
    for value in [None, Some(String::new()), Some("present".to_string())] {
        same("echo_option_string", value.clone(), client.echo_option_string(value).await)?;
    }
    for shape in [Shape::Circle { radius: 1.5 }, Shape::Rectangle { width: 3.0, height: 4.0 }, Shape::Point] {
        same("echo_shape", shape.clone(), client.echo_shape(shape).await)?;
    }
    Ok(())
}

async fn echo_gnarly(client: &TestbedClient) -> Verdict {
    let entry = |id: u64, parent, kind| GnarlyEntry {
        id,
        parent,
        name: format!("entry {id}"),
        path: format!("/mount/entry {id}"),
        attrs: vec![GnarlyAttr { key: "mode".into(), value: "0644".into() }],
        chunks: vec![vec![], vec![1, 2, 3], vec![0; 300]],
        kind,
    };
    let payload = GnarlyPayload {
        revision: u64::MAX,
        mount: "/mount".into(),
        entries: vec![
            entry(1, None, GnarlyKind::Directory { child_count: 2, children: vec!["a".into(), "b".into()] }),
            entry(2, Some(1), GnarlyKind::File { mime: "text/plain".into(), tags: vec![] }),
            entry(3, Some(1), GnarlyKind::Symlink { target: "a".into(), hops: vec![1, 128, u32::MAX] }),
        ],
        footer: Some("end".into()),
        digest: vec![0xde, 0xad],
    };
    same("echo_gnarly", payload.clone(), client.echo_gnarly(payload).await)
}

async fn echo_versions(client: &TestbedClient) -> Verdict {
    for status in [Status::Active, Status::Inactive] {
        same("echo_status", status, client.echo_status(status).await)?;
        same("echo_status_v1", status, client.echo_status_v1(status).await)?;
    }
    let tag = Tag { label: "label".into(), priority: 300, note: "note".into() };
    same("echo_tag", tag.clone(), client.echo_tag(tag.clone()).await)?;
    same("echo_tag_v1", tag.clone(), client.echo_tag_v1(tag).await)?;
    let profile = Profile { name: "Alice".into(), bio: "none".into() };
    same("echo_profile", profile.clone(), client.echo_profile(profile).await)?;
    let record = Record { alpha: -1, beta: "b".into(), gamma: 0.5 };
    same("echo_record", record.clone(), client.echo_record(record).await)?;
    let measurement = Measurement { unit: "m".into(), value: -2.25 };
    same("echo_measurement", measurement.clone(), client.echo_measurement(measurement).await)?;
    let config = Config { key: "k".into(), value: "v".into() };
    same("echo_config", config.clone(), client.echo_config(config).await)
}

async fn describe_point(client: &TestbedClient) -> Verdict {
    let expected = TaggedPoint { label: "here".into(), x: 1, y: -2, active: true };
    same("describe_point", expected, client.describe_point("here".into(), 1, -2, true).await)
}

async fn all_colors(client: &TestbedClient) -> Verdict {
    same("all_colors", vec![Color::Red, Color::Green, Color::Blue], client.all_colors().await)
}

async fn get_points(client: &TestbedClient) -> Verdict {
    for count in [3, 0] {
        let expected = (0..count).map(|i| Point { x: i, y: 2 * i }).collect();
        same("get_points", expected, client.get_points(count as u32).await)?;
    }
    Ok(())
}

async fn lookup(client: &TestbedClient) -> Verdict {
    for (id, name, age, email) in
        [(1, "Alice", 30, Some("alice@example.com")), (2, "Bob", 25, None), (3, "Charlie", 35, Some("charlie@example.com"))]
    {
        let expected = Person { name: name.into(), age, email: email.map(Into::into) };
        same("lookup", expected, client.lookup(id).await)?;
    }
    for (id, error) in [
        (100, LookupError::AccessDenied),
        (199, LookupError::AccessDenied),
        (200, LookupError::NotFound),
        (999, LookupError::NotFound),
    ] {
        refused("lookup", error, client.lookup(id).await)?;
    }
    Ok(())
}

async fn parse_color(client: &TestbedClient) -> Verdict {
    for (name, color) in
        [("red", Some(Color::Red)), ("GREEN", Some(Color::Green)), ("Blue", Some(Color::Blue)), ("purple", None)]
    {
        same("parse_color", color, client.parse_color(name.into()).await)?;
    }
    Ok(())
}

async fn process_message(client: &TestbedClient) -> Verdict {
    for (given, expected) in [
        (Message::Text("hello".into()), Message::Text("processed: hello".into())),
        (Message::Number(21), Message::Number(42)),
        (Message::Data(vec![1, 2, 3, 4]), Message::Data(vec![4, 3, 2, 1])),
    ] {
        same("process_message", expected, client.process_message(given).await)?;
    }
    Ok(())
}

async fn rectangle_area(client: &TestbedClient) -> Verdict {
    let rectangle = |left, top, right, bottom, label: Option<&str>| Rectangle {
        top_left: Point { x: left, y: top },
        bottom_right: Point { x: right, y: bottom },
        label: label.map(Into::into),
    };
    same("rectangle_area", 50.0, client.rectangle_area(rectangle(0, 10, 5, 0, Some("labelled"))).await)?;
    same("rectangle_area", 6.0, client.rectangle_area(rectangle(-1, -1, 1, 2, None)).await)
}

async fn reverse(client: &TestbedClient) -> Verdict {
    same("reverse", "hello".to_string(), client.reverse("olleh".into()).await)?;
    same("reverse", "a\u{f1}\u{4e16}\u{1f600}".to_string(), client.reverse("\u{1f600}\u{4e16}\u{f1}a".into()).await)
}

async fn shape_area(client: &TestbedClient) -> Verdict {
    for (shape, area) in [
        (Shape::Circle { radius: 2.0 }, 4.0 * std::f64::consts::PI),
        (Shape::Rectangle { width: 3.0, height: 4.0 }, 12.0),
        (Shape::Point, 0.0),
    ] {
        same("shape_area", area, client.shape_area(shape).await)?;
    }
    Ok(())
}

async fn swap_pair(client: &TestbedClient) -> Verdict {
    same("swap_pair", ("hello".to_string(), 42), client.swap_pair((42, "hello".into())).await)
}

async fn pipelining(client: &TestbedClient) -> Verdict {
    let mut calls = vec![];
    for i in 0..10 {
        let client = client.clone();
        calls.push(tokio::spawn(async move { client.echo(format!("echo {i}")).await }));
    }
    for (i, call) in calls.into_iter().enumerate() {
        same("pipelining", format!("echo {i}"), call.await.map_err(|error| error.to_string())?)?;
    }
    Ok(())
}

/// Calls that begin whether or not there is a link just then, while earlier ones wait for their answers.
async fn ticking(client: &TestbedClient) -> Verdict {
    let mut calls = vec![];
    for i in 0..400 {
        let client = client.clone();
        calls.push(tokio::spawn(async move { client.echo(format!("tick {i}")).await }));
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    for (i, call) in calls.into_iter().enumerate() {
        same("ticking", format!("tick {i}"), call.await.map_err(|error| error.to_string())?)?;
    }
    Ok(())
}

// --- channels

async fn sums(client: &TestbedClient) -> Verdict {
    for count in [5, 100] {
        for is_large in [false, true] {
            let (tx, rx) = channel::<i32>();
            let calling = client.clone();
            let call = tokio::spawn(async move {
                if is_large { calling.sum_large(rx).await } else { calling.sum(rx).await }
            });
            tokio::task::yield_now().await; // the channel is bound when the call has begun
            for i in 1..=count {
                tx.send(i).await.map_err(|error| format!("sum: item {i}: {error}"))?;
            }
            tx.close(vec![]).await.map_err(|error| format!("sum: close: {error}"))?;
            let expected = i64::from(count) * (i64::from(count) + 1) / 2;
            same("sum", expected, call.await.map_err(|error| error.to_string())?)?;
        }
    }
    Ok(())
}

async fn received(what: &str, count: i32, rx: &mut roam::Rx<i32>) -> Verdict {
    let mut items = vec![];
    while let Some(item) = rx.recv().await.map_err(|error| format!("{what}: {error}"))? {
        items.push(*item);
    }
    same(what, (0..count).collect(), Ok::<_, ()>(items))
}

async fn generates(client: &TestbedClient) -> Verdict {
    for count in [5, 100] {
        for which in 0..4 {
            let (tx, mut rx) = channel::<i32>();
            let calling = client.clone();
            let call = tokio::spawn(async move {
                match which {
                    0 => calling.generate(count, tx).await,
                    1 => calling.generate_large(count, tx).await,
                    2 => calling.generate_retry_non_idem(count, tx).await,
                    _ => calling.generate_retry_idem(count, tx).await,
                }
            });
            tokio::task::yield_now().await;
            received("generate", count as i32, &mut rx).await?;
            same("generate", (), call.await.map_err(|error| error.to_string())?)?;
        }
    }
    Ok(())
}

async fn transform(client: &TestbedClient) -> Verdict {
    let (up, texts) = channel::<String>();
    let (out, mut down) = channel::<String>();
    let calling = client.clone();
    let call = tokio::spawn(async move { calling.transform(texts, out).await });
    tokio::task::yield_now().await;
    for text in ["alpha", "", "gr\u{fc}\u{df}e", "omega"] {
        up.send(text.to_string()).await.map_err(|error| format!("transform: {error}"))?;
        let got = down.recv().await.map_err(|error| format!("transform: {error}"))?.map(|text| text.clone());
        same("transform", Some(text.to_string()), Ok::<_, ()>(got))?;
    }
    up.close(vec![]).await.map_err(|error| format!("transform: {error}"))?;
    let end = down.recv().await.map_err(|error| format!("transform: {error}"))?.map(|text| text.clone());
    same("transform, after the last text", None, Ok::<_, ()>(end))?;
    same("transform", (), call.await.map_err(|error| error.to_string())?)
}

async fn post_reply_generate(client: &TestbedClient) -> Verdict {
    let (tx, mut rx) = channel::<i32>();
    same("post_reply_generate", (), client.post_reply_generate(tx).await)?;
    received("post_reply_generate", POST_REPLY_COUNT, &mut rx).await
}

async fn post_reply_sum(client: &TestbedClient) -> Verdict {
    let (tx, rx) = channel::<i32>();
    let (out, mut totals) = channel::<i64>();
    same("post_reply_sum", (), client.post_reply_sum(rx, out).await)?;
    for i in 1..=POST_REPLY_COUNT {
        tx.send(i).await.map_err(|error| format!("post_reply_sum: item {i}: {error}"))?;
    }
    tx.close(vec![]).await.map_err(|error| format!("post_reply_sum: close: {error}"))?;
    let total = totals.recv().await.map_err(|error| format!("post_reply_sum: {error}"))?.map(|total| *total);
    same("post_reply_sum", Some(i64::from(POST_REPLY_COUNT * (POST_REPLY_COUNT + 1) / 2)), Ok::<_, ()>(total))?;
    let end = totals.recv().await.map_err(|error| format!("post_reply_sum: {error}"))?.map(|total| *total);
    same("post_reply_sum, after the total", None, Ok::<_, ()>(end))
}

// --- by name

pub async fn run(name: &str, client: &TestbedClient) -> Verdict {
    let mut has_run = false;
    macro_rules! scenarios {
        ($($scenario:ident)*) => {$(
            if name == "all" || name == stringify!($scenario) {
                has_run = true;
                $scenario(client).await.map_err(|wrong| format!("scenario {}: {wrong}", stringify!($scenario)))?;
            }
        )*};
    }
    scenarios!(all_colors binary_payload_sizes create_canvas create_person describe_point divide echo echo_gnarly
               echo_point echo_versions echoes generates get_points lookup parse_color pipelining post_reply_generate
               post_reply_sum process_message rectangle_area reverse shape_area sums swap_pair transform);
    if name == "ticking" {
        has_run = true;
        ticking(client).await?;
    }
    if has_run { Ok(()) } else { Err(format!("CLIENT_SCENARIO is `{name}`, which there is not")) }
}
