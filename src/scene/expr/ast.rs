//! What an expression is once it has been read.

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// An integer, and the type that its spelling gives it.
    Int(i128, &'static str),
    /// A floating point number.
    Float(f64, &'static str),
    /// A character constant.
    Char(u8),
    /// A string literal, without its NUL.
    Text(Vec<u8>),
    /// A literal of wide characters.
    Wide(super::wide::Wide),
    /// A name of the program's.
    Name(String),
    /// `'file.c'::name` or `function::name`.
    Scoped(String, String),
    /// `name@entry`: what a parameter held when its function was entered.
    AtEntry(String),
    /// `$name`: a register, a convenience variable, a special one, or a value of the history.
    Dollar(String),
    /// `-`, `+`, `!`, `~` in front.
    Unary(char, Box<Expr>),
    /// `*` in front.
    Deref(Box<Expr>),
    /// `&` in front.
    AddressOf(Box<Expr>),
    /// `sizeof` an expression.
    SizeOf(Box<Expr>),
    /// `sizeof` a type.
    SizeOfType(TypeName),
    /// A type where a value may stand (`whatis struct s`).
    Type(TypeName),
    /// `(type) x`.
    Cast(TypeName, Box<Expr>),
    /// `{type} address`.
    At(TypeName, Box<Expr>),
    /// Two operands.
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `a ? b : c`.
    Choice(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `x.m`; the flag is set for `x->m`.
    Member(Box<Expr>, String, bool),
    /// `x[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `f(a, b)`.
    Call(Box<Expr>, Vec<Expr>),
    /// `a = b`, or `a += b` with its operator.
    Assign(Option<Op>, Box<Expr>, Box<Expr>),
    /// `a..b` or `a..=b` of Rust, each end where there is one.
    Range(Option<Box<Expr>>, Option<Box<Expr>>, bool),
    /// `Point {x: 1, y: 2}` of Rust.
    Structure(String, Vec<(String, Expr)>),
    /// `[a, b]` of Rust.
    Array(Vec<Expr>),
    /// `a++` or `a--`: the value before.
    Step(Op, Box<Expr>),
}

impl Expr {
    /// The expressions that it is made of.
    pub fn children_mut(&mut self) -> Vec<&mut Expr> {
        match self {
            Expr::Int(..)
            | Expr::Float(..)
            | Expr::Char(_)
            | Expr::Text(_)
            | Expr::Wide(_)
            | Expr::Name(_)
            | Expr::Scoped(..)
            | Expr::AtEntry(_)
            | Expr::Dollar(_)
            | Expr::SizeOfType(_)
            | Expr::Type(_)
            // What sizeof looks at is not computed.
            | Expr::SizeOf(_) => Vec::new(),
            Expr::Unary(_, x)
            | Expr::Deref(x)
            | Expr::AddressOf(x)
            | Expr::Cast(_, x)
            | Expr::At(_, x)
            | Expr::Member(x, ..)
            | Expr::Step(_, x) => vec![x],
            Expr::Binary(_, a, b) | Expr::Index(a, b) | Expr::Assign(_, a, b) => vec![a, b],
            Expr::Choice(a, b, c) => vec![a, b, c],
            Expr::Range(a, b, _) => [a, b].into_iter().flatten().map(|x| &mut **x).collect(),
            Expr::Array(all) => all.iter_mut().collect(),
            Expr::Structure(_, fields) => fields.iter_mut().map(|(_, x)| x).collect(),
            Expr::Call(function, arguments) => {
                let mut all = vec![&mut **function];
                all.extend(arguments);
                all
            }
        }
    }

    /// The program's names in it; what is called is not among them, nor is a member.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.collect_names(&mut all);
        all
    }

    fn collect_names(&self, all: &mut Vec<String>) {
        match self {
            Expr::Name(name) | Expr::AtEntry(name) => all.push(name.clone()),
            Expr::Int(..)
            | Expr::Float(..)
            | Expr::Char(_)
            | Expr::Text(_)
            | Expr::Wide(_)
            | Expr::Scoped(..)
            | Expr::Dollar(_) => {}
            Expr::SizeOfType(_) | Expr::Type(_) => {}
            Expr::Unary(_, x) | Expr::Deref(x) | Expr::AddressOf(x) | Expr::SizeOf(x) => x.collect_names(all),
            Expr::Cast(_, x) | Expr::At(_, x) | Expr::Member(x, ..) | Expr::Step(_, x) => {
                x.collect_names(all)
            }
            Expr::Binary(_, a, b) | Expr::Index(a, b) | Expr::Assign(_, a, b) => {
                a.collect_names(all);
                b.collect_names(all);
            }
            Expr::Choice(a, b, c) => [a, b, c].into_iter().for_each(|x| x.collect_names(all)),
            Expr::Range(a, b, _) => [a, b].into_iter().flatten().for_each(|x| x.collect_names(all)),
            Expr::Structure(_, fields) => fields.iter().for_each(|(_, x)| x.collect_names(all)),
            Expr::Call(_, arguments) | Expr::Array(arguments) => {
                arguments.iter().for_each(|x| x.collect_names(all));
            }
        }
    }
}

/// An operator between two operands.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Op {
    Add,
    Sub,
    Mul,
    Div,
    Rem,
    Shl,
    Shr,
    And,
    Or,
    Xor,
    Both,
    Either,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Comma,
    Repeat,
}

/// A type as it is written: `struct node **`, `unsigned long`, `char [16]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeName {
    /// The words without `const` and `volatile`: `struct node`, `unsigned long`, `size_t`.
    pub base: String,
    /// How many stars follow.
    pub pointers: usize,
    /// `[n]` behind them, outermost first.
    pub arrays: Vec<u64>,
    /// Stars in parentheses before that, `(*)[n]`: pointers to the array.
    pub inner: usize,
}
