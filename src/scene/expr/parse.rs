//! Tokens to an expression, by precedence climbing. Depth is bounded, so no text can exhaust the stack.

use super::ExprError;
use super::ast::{Expr, Op, TypeName};
use super::lex::{Tok, Token, lex};
use super::wide::Wide;
use super::written::is_keyword;

/// How deep operators and parentheses may nest.
const DEPTH: usize = 200;

/// Reads an expression of gdb's language.
///
/// # Errors
/// gdb's words for what is wrong with the text.
pub fn parse(text: &str) -> Result<Expr, ExprError> {
    let mut parser = Parser { text, tokens: lex(text)?, at: 0, depth: 0 };
    let expr = parser.binary(0)?;
    match parser.tokens.get(parser.at) {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected()),
    }
}

/// Reads a text that is nothing but a type.
pub(super) fn parse_type(text: &str) -> Option<TypeName> {
    let mut parser = Parser { text, tokens: lex(text).ok()?, at: 0, depth: 0 };
    let ty = parser.type_name()?;
    (parser.at == parser.tokens.len()).then_some(ty)
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) at: usize,
    depth: usize,
}

/// Binary operators with their strength; assignment and `?:` are treated apart.
fn binary(sign: &str) -> Option<(Op, u8)> {
    Some(match sign {
        "," => (Op::Comma, 1),
        "||" => (Op::Either, 4),
        "&&" => (Op::Both, 5),
        "|" => (Op::Or, 6),
        "^" => (Op::Xor, 7),
        "&" => (Op::And, 8),
        "==" => (Op::Eq, 9),
        "!=" => (Op::Ne, 9),
        "<" => (Op::Lt, 10),
        "<=" => (Op::Le, 10),
        ">" => (Op::Gt, 10),
        ">=" => (Op::Ge, 10),
        "<<" => (Op::Shl, 11),
        ">>" => (Op::Shr, 11),
        // gdb puts `@` between shifts and sums (c-exp.y).
        "@" => (Op::Repeat, 12),
        "+" => (Op::Add, 13),
        "-" => (Op::Sub, 13),
        "*" => (Op::Mul, 14),
        "/" => (Op::Div, 14),
        "%" => (Op::Rem, 14),
        _ => return None,
    })
}

fn assignment(sign: &str) -> Option<Option<Op>> {
    Some(match sign {
        "=" => None,
        "+=" => Some(Op::Add),
        "-=" => Some(Op::Sub),
        "*=" => Some(Op::Mul),
        "/=" => Some(Op::Div),
        "%=" => Some(Op::Rem),
        "&=" => Some(Op::And),
        "|=" => Some(Op::Or),
        "^=" => Some(Op::Xor),
        "<<=" => Some(Op::Shl),
        ">>=" => Some(Op::Shr),
        _ => return None,
    })
}

impl Parser<'_> {
    pub(super) fn sign(&self) -> Option<&'static str> {
        match self.tokens.get(self.at)?.kind {
            Tok::Sign(sign) => Some(sign),
            _ => None,
        }
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = self.sign() == Some(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<(), ExprError> {
        if self.eat(sign) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// gdb shows the text from the token that it could not use on.
    pub(super) fn unexpected(&self) -> ExprError {
        let from = self.tokens.get(self.at).map_or(self.text.len(), |token| token.at);
        ExprError::Syntax(self.text[from..].to_owned())
    }

    fn deeper<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, ExprError>) -> Result<T, ExprError> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(ExprError::TooDeep);
        }
        let result = work(self);
        self.depth -= 1;
        result
    }

    pub(super) fn binary(&mut self, least: u8) -> Result<Expr, ExprError> {
        self.deeper(|p| {
            let mut left = p.unary()?;
            while let Some(sign) = p.sign() {
                if let Some(op) = assignment(sign).filter(|_| least <= 2) {
                    p.at += 1;
                    let right = p.binary(2)?;
                    left = Expr::Assign(op, Box::new(left), Box::new(right));
                } else if sign == "?" && least <= 3 {
                    p.at += 1;
                    let yes = p.binary(2)?;
                    p.expect(":")?;
                    let no = p.binary(3)?;
                    left = Expr::Choice(Box::new(left), Box::new(yes), Box::new(no));
                } else if let Some((op, strength)) = binary(sign).filter(|(_, strength)| *strength >= least) {
                    p.at += 1;
                    let right = p.binary(strength + 1)?;
                    left = Expr::Binary(op, Box::new(left), Box::new(right));
                } else {
                    break;
                }
            }
            Ok(left)
        })
    }

    pub(super) fn unary(&mut self) -> Result<Expr, ExprError> {
        self.deeper(|p| {
            let Some(sign) = p.sign() else { return p.postfix() };
            let operand = |p: &mut Self| {
                p.at += 1;
                p.unary().map(Box::new)
            };
            match sign {
                "-" => Ok(Expr::Unary('-', operand(p)?)),
                "+" => Ok(Expr::Unary('+', operand(p)?)),
                "!" => Ok(Expr::Unary('!', operand(p)?)),
                "~" => Ok(Expr::Unary('~', operand(p)?)),
                "*" => Ok(Expr::Deref(operand(p)?)),
                "&" => Ok(Expr::AddressOf(operand(p)?)),
                "++" | "--" => {
                    let op = if sign == "++" { Op::Add } else { Op::Sub };
                    Ok(Expr::Assign(Some(op), operand(p)?, Box::new(Expr::Int(1, "int"))))
                }
                "{" => {
                    p.at += 1;
                    let Some(ty) = p.type_name() else { return Err(p.unexpected()) };
                    p.expect("}")?;
                    Ok(Expr::At(ty, Box::new(p.unary()?)))
                }
                "(" => p.cast_or_group(),
                _ => p.postfix(),
            }
        })
    }

    fn cast_or_group(&mut self) -> Result<Expr, ExprError> {
        let start = self.at;
        self.at += 1;
        if let Some(ty) = self.type_name()
            && self.eat(")")
        {
            let plain = ty.pointers == 0 && ty.arrays.is_empty() && !is_keyword(&ty.base);
            // `(x) - 1` may be a cast or a sum; only what cannot be an operator makes `(x)` a cast.
            let operand = match self.tokens.get(self.at).map(|token| &token.kind) {
                None => false,
                Some(Tok::Sign(sign)) => {
                    matches!(*sign, "(" | "~" | "!") || !plain && matches!(*sign, "-" | "+" | "*" | "&")
                }
                Some(_) => true,
            };
            if operand {
                return Ok(Expr::Cast(ty, Box::new(self.unary()?)));
            }
            if !plain {
                return Ok(Expr::Type(ty));
            }
        }
        self.at = start;
        self.postfix()
    }

    fn postfix(&mut self) -> Result<Expr, ExprError> {
        let mut expr = self.primary()?;
        loop {
            if self.eat("[") {
                let index = self.binary(0)?;
                self.expect("]")?;
                expr = Expr::Index(Box::new(expr), Box::new(index));
            } else if let Expr::Name(name) = &expr
                && self.sign() == Some("@")
                && self.tokens.get(self.at + 1).is_some_and(|next| next.kind == Tok::Name("entry".to_owned()))
            {
                expr = Expr::AtEntry(name.clone());
                self.at += 2;
            } else if let Some(number) = self.tuple_field() {
                expr = Expr::Member(Box::new(expr), format!("__{number}"), false);
            } else if self.eat("(") {
                let mut arguments = Vec::new();
                while !self.eat(")") {
                    if !arguments.is_empty() {
                        self.expect(",")?;
                    }
                    arguments.push(self.binary(2)?);
                }
                expr = Expr::Call(Box::new(expr), arguments);
            } else if matches!(self.sign(), Some("++" | "--")) {
                let op = if self.sign() == Some("++") { Op::Add } else { Op::Sub };
                self.at += 1;
                expr = Expr::Step(op, Box::new(expr));
            } else if self.sign() == Some(".") || self.sign() == Some("->") {
                let arrow = self.sign() == Some("->");
                self.at += 1;
                let Some(Tok::Name(name)) = self.tokens.get(self.at).map(|token| token.kind.clone()) else {
                    return Err(self.unexpected());
                };
                let (name, next) = self.qualified(self.at).unwrap_or((name, self.at + 1));
                self.at = next;
                expr = Expr::Member(Box::new(expr), name, arrow);
            } else {
                return Ok(expr);
            }
        }
    }

    /// `.0`: a field of a tuple of Rust, which reads like a fraction.
    fn tuple_field(&mut self) -> Option<u32> {
        let token = self.tokens.get(self.at).filter(|token| matches!(token.kind, Tok::Float(..)))?;
        let end = self.tokens.get(self.at + 1).map_or(self.text.len(), |next| next.at);
        let number = self.text.get(token.at..end)?.trim().strip_prefix('.')?.parse().ok()?;
        self.at += 1;
        Some(number)
    }

    fn primary(&mut self) -> Result<Expr, ExprError> {
        let Some(token) = self.tokens.get(self.at).cloned() else { return Err(self.unexpected()) };
        if let Tok::Name(word) = &token.kind {
            if word == "sizeof" {
                self.at += 1;
                return self.size_of();
            }
            if is_keyword(word)
                && let Some(ty) = self.type_name()
            {
                return Ok(Expr::Type(ty));
            }
        }
        self.at += 1;
        Ok(match token.kind {
            Tok::Int(value, ty) => Expr::Int(value, ty),
            Tok::Float(value, ty) => Expr::Float(value, ty),
            Tok::Char(byte) => Expr::Char(byte),
            Tok::Text(bytes) => self.joined(bytes, None)?,
            Tok::Wide(wide) if wide.character => Expr::Wide(wide),
            Tok::Wide(wide) => self.joined(Vec::new(), Some(wide))?,
            Tok::Dollar(name) => Expr::Dollar(name),
            Tok::Name(_) | Tok::Sign("::") => {
                self.at -= 1;
                self.cast_by_word().unwrap_or_else(|| self.scoped())?
            }
            Tok::Sign("(") => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                inner
            }
            Tok::Sign(_) => {
                self.at -= 1;
                return Err(self.unexpected());
            }
        })
    }

    /// Neighbouring literals are one, of wide characters if one of them is.
    fn joined(&mut self, mut bytes: Vec<u8>, mut wide: Option<Wide>) -> Result<Expr, ExprError> {
        loop {
            let widened = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().map(u32::from).collect();
            match (self.tokens.get(self.at).map(|token| &token.kind), &mut wide) {
                (Some(Tok::Text(more)), None) => bytes.extend_from_slice(more),
                (Some(Tok::Text(more)), Some(wide)) => wide.text.extend::<Vec<u32>>(widened(more)),
                (Some(Tok::Wide(more)), None) if !more.character => {
                    let mut text: Vec<u32> = widened(&bytes);
                    text.extend(&more.text);
                    wide = Some(Wide { text, ..more.clone() });
                }
                (Some(Tok::Wide(more)), Some(wide)) if !more.character => {
                    if wide.prefix != more.prefix {
                        return Err(ExprError::Concatenation);
                    }
                    wide.text.extend(&more.text);
                }
                _ => return Ok(wide.map_or(Expr::Text(bytes), Expr::Wide)),
            }
            self.at += 1;
        }
    }

    fn size_of(&mut self) -> Result<Expr, ExprError> {
        let start = self.at;
        // A single name may be a variable's, which comes first; the evaluator knows.
        let keyword = |token: &Token| matches!(&token.kind, Tok::Name(word) if is_keyword(word));
        let certain = self.tokens.get(start + 1).is_some_and(keyword);
        if self.eat("(")
            && let Some(ty) = self.type_name()
            && (certain || self.at > start + 2)
            && self.eat(")")
        {
            return Ok(Expr::SizeOfType(ty));
        }
        self.at = start;
        Ok(Expr::SizeOf(Box::new(self.unary()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_point_at_the_rest_of_the_text() {
        let error = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(error("1 +"), "A syntax error in expression, near `'.");
        assert_eq!(error("(1"), "A syntax error in expression, near `'.");
        assert_eq!(error("1 2"), "A syntax error in expression, near `2'.");
        assert_eq!(error("a ) b"), "A syntax error in expression, near `) b'.");
        assert_eq!(error("#"), "Invalid character '#' in expression.");
        assert_eq!(error("\"abc"), "Unterminated string in expression.");
        assert_eq!(error("09"), "Invalid number \"09\".");
        assert_eq!(parse(&"(".repeat(100_000)).unwrap_err(), ExprError::TooDeep);
        assert_eq!(parse(&"-".repeat(100_000)).unwrap_err(), ExprError::TooDeep);
    }

    #[test]
    fn casts_and_groups_are_told_apart() {
        let ty =
            |base: &str, pointers| TypeName { base: base.into(), pointers, arrays: Vec::new(), inner: 0 };
        let name = |n: &str| Box::new(Expr::Name(n.into()));
        assert_eq!(parse("(char*)p").unwrap(), Expr::Cast(ty("char", 1), name("p")));
        assert_eq!(parse("(struct s const *) p").unwrap(), Expr::Cast(ty("struct s", 1), name("p")));
        assert_eq!(parse("(size_t) p").unwrap(), Expr::Cast(ty("size_t", 0), name("p")));
        assert_eq!(
            parse("(x) - 1").unwrap(),
            Expr::Binary(Op::Sub, name("x"), Box::new(Expr::Int(1, "int")))
        );
        assert_eq!(
            parse("(int) -1").unwrap(),
            Expr::Cast(ty("int", 0), Box::new(Expr::Unary('-', Box::new(Expr::Int(1, "int")))))
        );
        assert_eq!(parse("sizeof(unsigned long)").unwrap(), Expr::SizeOfType(ty("unsigned long", 0)));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in "[-+*/()\\[\\]a-z$\"'0-9.x@&|!= ]{0,60}|\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}
