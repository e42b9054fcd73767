//! The Testbed service: its types, its trait, and what it does. Names and types are the wire's: method ids depend on
//! them.

use facet::Facet;
use roam::{Rx, Tx};

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Point {
    pub x: i32,
    pub y: i32,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Person {
    pub name: String,
    pub age: u8,
    pub email: Option<String>,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Rectangle {
    pub top_left: Point,
    pub bottom_right: Point,
    pub label: Option<String>,
}

#[derive(Facet, Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum Color {
    Red,
    Green,
    Blue,
}

#[derive(Facet, Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum MathError {
    DivisionByZero,
    Overflow,
}

#[derive(Facet, Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum LookupError {
    NotFound,
    AccessDenied,
}

#[derive(Facet, Debug, Clone, PartialEq)]
#[repr(u8)]
pub enum Shape {
    Circle { radius: f64 },
    Rectangle { width: f64, height: f64 },
    Point,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Canvas {
    pub name: String,
    pub shapes: Vec<Shape>,
    pub background: Color,
}

#[derive(Facet, Debug, Clone, PartialEq)]
#[repr(u8)]
pub enum Message {
    Text(String),
    Number(i64),
    Data(Vec<u8>),
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct GnarlyAttr {
    pub key: String,
    pub value: String,
}

#[derive(Facet, Debug, Clone, PartialEq)]
#[repr(u8)]
pub enum GnarlyKind {
    File { mime: String, tags: Vec<String> },
    Directory { child_count: u32, children: Vec<String> },
    Symlink { target: String, hops: Vec<u32> },
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct GnarlyEntry {
    pub id: u64,
    pub parent: Option<u64>,
    pub name: String,
    pub path: String,
    pub attrs: Vec<GnarlyAttr>,
    pub chunks: Vec<Vec<u8>>,
    pub kind: GnarlyKind,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct GnarlyPayload {
    pub revision: u64,
    pub mount: String,
    pub entries: Vec<GnarlyEntry>,
    pub footer: Option<String>,
    pub digest: Vec<u8>,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct TaggedPoint {
    pub label: String,
    pub x: i32,
    pub y: i32,
    pub active: bool,
}

#[derive(Facet, Debug, Clone, Copy, PartialEq)]
#[repr(u8)]
pub enum Status {
    Active,
    Inactive,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Tag {
    pub label: String,
    pub priority: u32,
    pub note: String,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Profile {
    pub name: String,
    pub bio: String,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Record {
    pub alpha: i32,
    pub beta: String,
    pub gamma: f64,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Measurement {
    pub unit: String,
    pub value: f64,
}

#[derive(Facet, Debug, Clone, PartialEq)]
pub struct Config {
    pub key: String,
    pub value: String,
}

#[roam::service]
pub trait Testbed {
    async fn echo(&self, text: String) -> String;
    async fn reverse(&self, text: String) -> String;
    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError>;
    async fn lookup(&self, id: u32) -> Result<Person, LookupError>;
    async fn sum(&self, numbers: Rx<i32>) -> i64;
    async fn generate(&self, count: u32, out: Tx<i32>);
    async fn generate_retry_non_idem(&self, count: u32, out: Tx<i32>);
    async fn generate_retry_idem(&self, count: u32, out: Tx<i32>);
    async fn transform(&self, texts: Rx<String>, out: Tx<String>);
    async fn echo_point(&self, point: Point) -> Point;
    async fn create_person(&self, name: String, age: u8, email: Option<String>) -> Person;
    async fn rectangle_area(&self, rectangle: Rectangle) -> f64;
    async fn parse_color(&self, name: String) -> Option<Color>;
    async fn shape_area(&self, shape: Shape) -> f64;
    async fn create_canvas(&self, name: String, shapes: Vec<Shape>, background: Color) -> Canvas;
    async fn echo_gnarly(&self, payload: GnarlyPayload) -> GnarlyPayload;
    async fn process_message(&self, message: Message) -> Message;
    async fn get_points(&self, count: u32) -> Vec<Point>;
    async fn swap_pair(&self, pair: (i32, String)) -> (String, i32);
    async fn echo_bytes(&self, data: Vec<u8>) -> Vec<u8>;
    async fn echo_bool(&self, value: bool) -> bool;
    async fn echo_u64(&self, value: u64) -> u64;
    async fn echo_option_string(&self, value: Option<String>) -> Option<String>;
    async fn sum_large(&self, numbers: Rx<i32>) -> i64;
    async fn generate_large(&self, count: u32, out: Tx<i32>);
    async fn all_colors(&self) -> Vec<Color>;
    async fn describe_point(&self, label: String, x: i32, y: i32, active: bool) -> TaggedPoint;
    async fn echo_shape(&self, shape: Shape) -> Shape;
    async fn echo_status_v1(&self, status: Status) -> Status;
    async fn echo_tag_v1(&self, tag: Tag) -> Tag;
    async fn echo_profile(&self, profile: Profile) -> Profile;
    async fn echo_record(&self, record: Record) -> Record;
    async fn echo_status(&self, status: Status) -> Status;
    async fn echo_tag(&self, tag: Tag) -> Tag;
    async fn echo_measurement(&self, measurement: Measurement) -> Measurement;
    async fn echo_config(&self, config: Config) -> Config;
    async fn post_reply_generate(&self, out: Tx<i32>);
    async fn post_reply_sum(&self, numbers: Rx<i32>, out: Tx<i64>);
}

/// More than the initial credit, so that a channel outlives the answer for certain.
pub const POST_REPLY_COUNT: i32 = 40;

#[derive(Clone)]
pub struct TestbedService;

async fn sum_of(mut numbers: Rx<i32>) -> i64 {
    let mut total = 0;
    while let Ok(Some(number)) = numbers.recv().await {
        total += i64::from(*number);
    }
    total
}

async fn generate_up_to(count: i32, out: Tx<i32>) {
    for i in 0..count {
        if out.send(i).await.is_err() {
            return;
        }
    }
    let _ = out.close(vec![]).await;
}

impl Testbed for TestbedService {
    async fn echo(&self, text: String) -> String {
        text
    }
    async fn reverse(&self, text: String) -> String {
        text.chars().rev().collect()
    }
    async fn divide(&self, a: i64, b: i64) -> Result<i64, MathError> {
        if b == 0 {
            return Err(MathError::DivisionByZero);
        }
        a.checked_div(b).ok_or(MathError::Overflow)
    }
    async fn lookup(&self, id: u32) -> Result<Person, LookupError> {
        let person = |name: &str, age, email: Option<&str>| Person {
            name: name.into(),
            age,
            email: email.map(Into::into),
        };
        match id {
            1 => Ok(person("Alice", 30, Some("alice@example.com"))),
            2 => Ok(person("Bob", 25, None)),
            3 => Ok(person("Charlie", 35, Some("charlie@example.com"))),
            100..200 => Err(LookupError::AccessDenied),
            _ => Err(LookupError::NotFound),
        }
    }
    async fn sum(&self, numbers: Rx<i32>) -> i64 {
        sum_of(numbers).await
    }
    async fn generate(&self, count: u32, out: Tx<i32>) {
        generate_up_to(count as i32, out).await;
    }
    async fn generate_retry_non_idem(&self, count: u32, out: Tx<i32>) {
        generate_up_to(count as i32, out).await;
    }
    async fn generate_retry_idem(&self, count: u32, out: Tx<i32>) {
        generate_up_to(count as i32, out).await;
    }
    async fn transform(&self, mut texts: Rx<String>, out: Tx<String>) {
        while let Ok(Some(text)) = texts.recv().await {
            if out.send(text.clone()).await.is_err() {
                return;
            }
        }
        let _ = out.close(vec![]).await;
    }
    async fn echo_point(&self, point: Point) -> Point {
        point
    }
    async fn create_person(&self, name: String, age: u8, email: Option<String>) -> Person {
        Person { name, age, email }
    }
    async fn rectangle_area(&self, rectangle: Rectangle) -> f64 {
        let width = f64::from(rectangle.bottom_right.x) - f64::from(rectangle.top_left.x);
        let height = f64::from(rectangle.bottom_right.y) - f64::from(rectangle.top_left.y);
        (width * height).abs()
    }
    async fn parse_color(&self, name: String) -> Option<Color> {
        match name.to_ascii_lowercase().as_str() {
            "red" => Some(Color::Red),
            "green" => Some(Color::Green),
            "blue" => Some(Color::Blue),
            _ => None,
        }
    }
    async fn shape_area(&self, shape: Shape) -> f64 {
        match shape {
            Shape::Circle { radius } => std::f64::consts::PI * radius * radius,
            Shape::Rectangle { width, height } => width * height,
            Shape::Point => 0.0,
        }
    }
    async fn create_canvas(&self, name: String, shapes: Vec<Shape>, background: Color) -> Canvas {
        Canvas { name, shapes, background }
    }
    async fn echo_gnarly(&self, payload: GnarlyPayload) -> GnarlyPayload {
        payload
    }
    async fn process_message(&self, message: Message) -> Message {
        match message {
            Message::Text(text) => Message::Text(format!("processed: {text}")),
            Message::Number(number) => Message::Number(number.wrapping_mul(2)),
            Message::Data(data) => Message::Data(data.into_iter().rev().collect()),
        }
    }
    async fn get_points(&self, count: u32) -> Vec<Point> {
        (0..count as i32).map(|i| Point { x: i, y: 2 * i }).collect()
    }
    async fn swap_pair(&self, pair: (i32, String)) -> (String, i32) {
        (pair.1, pair.0)
    }
    async fn echo_bytes(&self, data: Vec<u8>) -> Vec<u8> {
        data
    }
    async fn echo_bool(&self, value: bool) -> bool {
        value
    }
    async fn echo_u64(&self, value: u64) -> u64 {
        value
    }
    async fn echo_option_string(&self, value: Option<String>) -> Option<String> {
        value
    }
    async fn sum_large(&self, numbers: Rx<i32>) -> i64 {
        sum_of(numbers).await
    }
    async fn generate_large(&self, count: u32, out: Tx<i32>) {
        generate_up_to(count as i32, out).await;
    }
    async fn all_colors(&self) -> Vec<Color> {
        vec![Color::Red, Color::Green, Color::Blue]
    }
    async fn describe_point(&self, label: String, x: i32, y: i32, active: bool) -> TaggedPoint {
        TaggedPoint { label, x, y, active }
    }
    async fn echo_shape(&self, shape: Shape) -> Shape {
        shape
    }
    async fn echo_status_v1(&self, status: Status) -> Status {
        status
    }
    async fn echo_tag_v1(&self, tag: Tag) -> Tag {
        tag
    }
    async fn echo_profile(&self, profile: Profile) -> Profile {
        profile
    }
    async fn echo_record(&self, record: Record) -> Record {
        record
    }
    async fn echo_status(&self, status: Status) -> Status {
        status
    }
    async fn echo_tag(&self, tag: Tag) -> Tag {
        tag
    }
    async fn echo_measurement(&self, measurement: Measurement) -> Measurement {
        measurement
    }
    async fn echo_config(&self, config: Config) -> Config {
        config
    }
    async fn post_reply_generate(&self, out: Tx<i32>) {
        tokio::spawn(generate_up_to(POST_REPLY_COUNT, out));
    }
    async fn post_reply_sum(&self, numbers: Rx<i32>, out: Tx<i64>) {
        tokio::spawn(async move {
            if out.send(sum_of(numbers).await).await.is_ok() {
                let _ = out.close(vec![]).await;
            }
        });
    }
}
