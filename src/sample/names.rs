//! The words the invented company is made of. Every person in it is invented; the domain is reserved for examples.

pub const COMPANY: &str = "Halden & Ruck";
pub const MAIL_DOMAIN: &str = "haldenruck.example";

pub struct Location {
    pub name: &'static str,
    pub country: &'static str,
    /// Hours the working day starts later (positive: earlier in UTC) than in London.
    pub utc_offset_hours: i32,
    /// Share of the teams whose home this is.
    pub weight: f64,
}

const fn location(name: &'static str, country: &'static str, utc_offset_hours: i32, weight: f64) -> Location {
    Location { name, country, utc_offset_hours, weight }
}

/// The last one is a site of a handful of people: small enough to be hidden, whatever the company's size.
pub const LOCATIONS: [Location; 7] = [
    location("Berlin", "DE", 1, 0.34),
    location("London", "GB", 0, 0.2),
    location("New York", "US", -5, 0.18),
    location("Bengaluru", "IN", 5, 0.14),
    location("Lisbon", "PT", 0, 0.14),
    location("Singapore", "SG", 8, 0.0),
    location("Tallinn", "EE", 2, 0.0),
];

pub const FUNCTIONS: [&str; 8] =
    ["Engineering", "Sales", "Customer Support", "Operations", "Product", "Marketing", "Finance", "People"];

pub const DIVISIONS: [&str; 8] =
    ["Products", "Markets", "Services", "Corporate", "Platforms", "Regions North", "Regions South", "International"];

/// What a team of a function works on; a second team of the same work gets a number.
pub const WORK: [[&str; 6]; 8] = [
    ["Payments", "Search", "Mobile", "Data", "Security", "Infrastructure"],
    ["Enterprise", "Mid-Market", "Partners", "Renewals", "Public Sector", "Inside Sales"],
    ["First Line", "Escalations", "Onboarding", "Technical", "Billing", "Accounts"],
    ["Logistics", "Procurement", "Quality", "Facilities", "Planning", "Field Service"],
    ["Discovery", "Design", "Analytics", "Platform", "Growth", "Research"],
    ["Brand", "Content", "Events", "Demand", "Community", "Web"],
    ["Controlling", "Accounting", "Treasury", "Tax", "Payroll", "Reporting"],
    ["Talent", "Learning", "Rewards", "Recruiting", "Workplace", "Partnering"],
];

pub const TOPICS: [&str; 16] = [
    "incident response",
    "pricing",
    "onboarding",
    "data quality",
    "negotiation",
    "accessibility",
    "cloud costs",
    "customer interviews",
    "forecasting",
    "testing",
    "feedback",
    "contracts",
    "escalations",
    "dashboards",
    "hiring",
    "supplier audits",
];

pub const COMPETENCIES: [&str; 6] =
    ["problem solving", "customer focus", "technical depth", "collaboration", "leadership", "quality"];

pub const FIRST: [&str; 48] = [
    "Ada", "Amara", "Anders", "Anika", "Bence", "Bruno", "Carla", "Chidi", "Clara", "Dario", "Deepa", "Edda", "Elias",
    "Emeka", "Farah", "Felix", "Greta", "Hana", "Hugo", "Ines", "Ivo", "Jana", "Jonas", "Kavya", "Kenji", "Lara",
    "Leon", "Lin", "Magnus", "Maya", "Milan", "Nadia", "Nils", "Noor", "Olga", "Omar", "Paula", "Priya", "Ravi",
    "Rosa", "Sami", "Sofia", "Tara", "Tomas", "Uma", "Viktor", "Wanda", "Yusuf",
];

pub const LAST: [&str; 48] = [
    "Abbott", "Adeyemi", "Almeida", "Bakker", "Banerjee", "Becker", "Brandt", "Castro", "Chen", "Costa", "Dahl",
    "Dias", "Eriksen", "Fischer", "Fontana", "Garcia", "Gupta", "Haas", "Hansen", "Hughes", "Ito", "Iyer", "Jensen",
    "Kaya", "Keller", "Khan", "Kovacs", "Lang", "Lopez", "Mehta", "Moreau", "Murphy", "Nair", "Novak", "Okafor",
    "Olsen", "Patel", "Pereira", "Quinn", "Rao", "Rossi", "Santos", "Schmidt", "Sharma", "Tanaka", "Varga", "Weber",
    "Young",
];
