"""Taking a migration back: what is ours (census), what stays (keeping), the plan, and carrying it out."""
