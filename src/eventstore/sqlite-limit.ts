/**
 * A limit that is bound. Of a bare `LIMIT ?` SQLite wants to know the value when it plans, so it plans anew whenever one is
 * bound: ten times the cost of a short query. It does not look into an expression.
 */
export const LIMIT = 'LIMIT ? + 0';
