//! One pass: plan, observe what the plan asks for, plan again, apply.
